"""Calling somebody: may it be done, has it been ordered before, and what became of the request."""
