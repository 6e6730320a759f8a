"""The ports on PostgreSQL, on Kayako and on the language model, and a help desk in memory."""
