"""Words and tools every room uses. Knows no room and no lab."""
