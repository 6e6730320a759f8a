"""What nobody reports: calls that have gone quiet, and orders that nobody answered."""
