"""What providers charge, and what a call used of them."""
