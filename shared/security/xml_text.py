"""Text that may enter an XML document.

The TwiML builder escapes markup but passes control characters and lone surrogates; the document then does not parse,
Twilio reports 12100 and the call dies.
"""

from __future__ import annotations

import re

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SAY_LIMIT = 3000
"""Characters of one `<Say>`; Twilio's own limit is 4096."""


def clean_xml_text(text: str, limit: int = SAY_LIMIT) -> str:
    """`text` without what XML 1.0 forbids, and no longer than `limit`."""
    return _NOT_XML.sub("", text)[:limit]
