"""What a model is told, in which order, and what it is never told."""
