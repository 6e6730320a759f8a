"""What the room does: keep articles, embed them, follow the help centre, search."""
