"""What a good ticket is: pure functions of a conversation, without any store, clock or network."""
