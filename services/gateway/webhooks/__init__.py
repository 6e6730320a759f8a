"""Twilio's webhooks: is it Twilio, what does the record say, what does the caller hear next."""
