"""Who uses the API: keys, their scopes, and the guard that asks for them."""
