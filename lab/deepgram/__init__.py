"""A stand-in for Deepgram: hears and speaks lab speech over Deepgram's own wire protocols."""
