"""PostgreSQL: tables, sessions, migrations."""
