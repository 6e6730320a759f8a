"""What the company knows, and how it is found."""
