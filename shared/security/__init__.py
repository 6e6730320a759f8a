"""Tokens, keys, signatures, redaction: pure functions, no I/O."""
