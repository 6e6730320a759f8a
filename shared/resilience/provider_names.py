"""Under which names processes of different rooms know together how a provider is doing."""

from __future__ import annotations

from typing import Final

HEARING: Final = "hearing:deepgram"
"""The recogniser, as calls meet it: while it is away nobody is connected who could not be heard."""
KNOWLEDGE: Final = "knowledge"
"""The knowledge room, as calls meet it."""
VECTORS: Final = "vectors"
"""The knowledge room's Chroma, as searches meet it."""
EMBEDDING: Final = "embedding"
"""What makes a question's vector."""
SUMMARY_MODEL: Final = "model:summary"
"""The language model as a writer of summaries."""
