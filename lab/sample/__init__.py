"""Fernway Internet, a home internet provider that does not exist: its help centre and its assistant.

`articles` says nothing about static IP addresses on purpose: a caller who asks for one meets an honest "not found".
"""

from pathlib import Path

ARTICLES = Path(__file__).parent / "articles"
"""The help centre, as Markdown files with front matter."""
AGENT = Path(__file__).parent / "agent.json"
"""The body of `POST /api/v1/agents`."""
