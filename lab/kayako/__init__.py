"""A stand-in for the new Kayako's REST API v1: strict, in memory, and able to fail in every way the real one may.

Not the real service. Where the vendor's documentation is silent or contradicts its clients, the choice made here is
said beside the code that makes it.
"""
