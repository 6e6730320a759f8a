"""How many more calls the voice tier can take, as gateways and voice processes tell each other through Redis."""
