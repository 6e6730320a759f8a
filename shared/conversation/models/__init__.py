"""What writes an answer: a language model, or sentences taken from the passages when there is none."""
