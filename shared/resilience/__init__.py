"""What keeps one outage from becoming another: deadlines, breakers, backoff."""
