"""How many calls, webhooks and requests are taken."""
