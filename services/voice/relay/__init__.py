"""Twilio's ConversationRelay: it hears and speaks, we exchange text with it."""
