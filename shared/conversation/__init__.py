"""The assistant itself, the same on every channel: understanding, phases, tools, models, degradation.

Knows no transport, no database and no web framework. A channel gives it what the caller said and plays what it answers.
"""
