"""Work that leaves a transaction: the outbox, and the inbox that makes a delivery count once."""
