"""How many more calls this process can take, measured here and told to the gateways."""
