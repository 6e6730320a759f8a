"""What the stand-ins share: serving on a loopback port, cutting a connection, and switchable faults."""
