"""From written text to what can be said: sentences out of a stream, no markup, addresses as people say them."""
