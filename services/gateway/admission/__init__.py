"""Whether a call may connect to a voice process now."""
