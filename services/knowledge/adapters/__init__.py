"""Files, models and servers that the room works with."""
