"""Twilio's REST interface, as far as the gateway asks it for something."""
