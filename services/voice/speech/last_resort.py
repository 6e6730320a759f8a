"""What is played when no provider speaks, not even at the start of the process: files that come with the program.

`recordings/<language>/<field of Apologies>.ulaw` is μ-law at 8000 Hz without a header.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Final

from services.voice.speech.apologies import Apologies, apologies_in, language_of

FOLDER: Final = Path(__file__).with_name("recordings")


@cache
def last_resort(language: str) -> Mapping[str, bytes]:
    """Recorded sentences by their text, for an agent's language; none for one that is not recorded."""
    texts = apologies_in(language)
    folder = FOLDER / language_of(language)
    if not folder.is_dir():
        return {}
    return {getattr(texts, field.name): (folder / f"{field.name}.ulaw").read_bytes() for field in fields(Apologies)}
