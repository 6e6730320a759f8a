"""The REST API under `/api/v1`: what companies and their tools read and change."""
