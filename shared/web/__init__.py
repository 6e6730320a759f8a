"""What every web process has in common: declared routes, problem documents, limits, health, metrics."""
