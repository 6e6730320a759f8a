"""How one room calls another."""
