"""One call's straight road, and all calls of a process."""
