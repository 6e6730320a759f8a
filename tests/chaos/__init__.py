"""Takes a running platform apart on purpose, and compares what was promised with what is there."""
