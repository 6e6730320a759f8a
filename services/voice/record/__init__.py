"""What a call leaves in PostgreSQL."""
