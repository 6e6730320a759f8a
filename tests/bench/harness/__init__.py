"""The platform under the outside harness: its environment becomes our settings, and nothing else is special."""
