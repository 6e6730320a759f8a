"""Typed messages between rooms, and the closed lists of words they use."""
