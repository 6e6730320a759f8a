"""How much of something may happen in a time: token buckets that all processes share, and what holds without Redis."""
