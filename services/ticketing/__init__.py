"""What the help desk gets: exactly one ticket per conversation that needs one."""
