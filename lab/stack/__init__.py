"""The embedded stack: real servers from wheels and every process of the platform, under one supervisor, on loopback."""
