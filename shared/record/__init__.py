"""The rules of the record that more than one room applies: when a conversation is over, and what follows from it.

Written for a synchronous session; a web process calls them through `await session.run_sync(function, …)`.
"""
