"""A stand-in for ElevenLabs' text-to-speech: the multi-context and the single socket, and the streaming requests."""
