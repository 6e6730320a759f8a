"""Takes out of a text what no reader sees and a model might obey: invisible characters, template tokens, long data.

Pure, linear in the length of the text, and idempotent. Rules from the security guide, section 6.2, point 3.
"""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = re.compile(
    "["
    "\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"  # controls, except tab and line ends
    "\u00ad"  # soft hyphen
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # fillers and joiners without a shape
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction overrides
    "\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufeff"  # zero width
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variation selectors
    "\ufff0-\uffff"  # specials and non-characters
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\ud800-\udfff"
    "\U000e0000-\U000e0fff"  # tags: text that only a machine reads
    "]+"
)
_TEMPLATE_TOKENS = re.compile(
    r"(?P<open><\|)|(?P<close>\|>)|\[(?P<square>/?INST)\]|<<(?P<system>/?SYS)>>|<(?P<turn>(?:start|end)_of_turn|/?s)>",
    re.IGNORECASE,
)
_LONG_RUN = re.compile(r"[A-Za-z0-9+/=_-]{160,}")
_DIFFERENT = 12
"""A long run with fewer different characters is a ruler, not data."""
_SPACES = re.compile(r"[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")

DATA_MARK = "[data]"


def _broken(token: re.Match[str]) -> str:
    """The token in a form that no chat template knows; a single pass, so that none can form anew."""
    match token.lastgroup:
        case "open":
            return "< |"
        case "close":
            return "| >"
        case _:
            return f"({token.group().strip('<>[]')})"


def _shortened(run: re.Match[str]) -> str:
    return DATA_MARK if len(set(run.group())) >= _DIFFERENT else run.group()


def clean(text: str) -> str:
    """`text` in composed form (NFC) with only what a reader can see; every line end is a line feed."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    return _LONG_RUN.sub(_shortened, _TEMPLATE_TOKENS.sub(_broken, text))


def one_line(text: str) -> str:
    """`clean` text with every run of white space as one space: for titles, headings and names."""
    return _SPACES.sub(" ", " ".join(clean(text).split())).strip()
