"""Live calls: sound in, understanding, sound out."""
