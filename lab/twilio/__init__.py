"""A stand-in for Twilio: a small telephone network that speaks Twilio's webhooks, TwiML, REST and Media Streams."""
