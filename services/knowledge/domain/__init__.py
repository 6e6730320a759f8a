"""What an article is, how it is cut and which passages answer a question: pure functions, no I/O."""
