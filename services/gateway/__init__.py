"""The front door: Twilio's webhooks and the REST API."""
