"""The room's web side."""
