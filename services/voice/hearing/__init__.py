"""From the caller's audio to a decided turn."""
