"""Audio on its way to the caller, and what of it was heard."""
