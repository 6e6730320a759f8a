"""Everything that may wait."""
