"""Lab speech: words that travel as sound, so that the lab knows to the character what was said and what was heard."""
