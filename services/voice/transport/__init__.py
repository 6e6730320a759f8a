"""Twilio's media stream: frames, limits, who may connect."""
