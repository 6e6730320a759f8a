"""What the room does: open a ticket once, improve it, sweep, summarise. Knows ports, no store and no vendor."""
