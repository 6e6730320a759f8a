"""What a German-speaking model must not say."""

from __future__ import annotations

from shared.conversation.tables import said
from shared.conversation.understanding.words import ClaimWords

_DONE = (
    r"(?:gebucht|storniert|erstattet|gutgeschrieben|geandert|zuruckgesetzt|geschickt|gesendet|bestellt|verbunden|"
    r"aktiviert|"
    r"deaktiviert|entfernt|hinzugefugt|verschoben|bestatigt|neu gestartet|entsperrt|gekundigt|veranlasst)"
)

CLAIMS = ClaimWords(
    ticket=said(
        r"(?:ich|wir) habe?n?(?: \w+){0,5} (?:ticket|fall|anfrage|kolleg\w+|team)(?: \w+){0,4} "
        r"(?:eroffnet|erstellt|angelegt|aufgenommen|weitergeleitet|weitergegeben|informiert|gemeldet)",
        r"(?:ich|wir) (?:eroffne|erstelle|lege|nehme|leite|gebe|melde)n?(?: \w+){0,5} (?:ticket|fall|anfrage|"
        r"kolleg\w+|team)",
        r"(?:ticket|fall|anfrage) (?:wurde|ist)(?: \w+){0,3} (?:eroffnet|erstellt|angelegt|weitergeleitet)",
        r"(?:jemand|ein kollege|eine kollegin|unser team|ein mitarbeiter|eine mitarbeiterin) (?:wird|meldet|ruft|"
        r"kummert)",
    ),
    action=said(
        rf"(?:ich|wir) habe?n?(?: \w+){{0,6}} {_DONE}",
        rf"(?:wurde|ist|sind|wurden)(?: \w+){{0,3}} {_DONE}(?! (?:wenn|sobald|nachdem|werden))$",
        r"(?:ich|wir) (?:buche|storniere|erstatte|andere|schicke|sende|bestelle|verbinde|aktiviere|kundige|"
        r"veranlasse)n?",
        r"(?:ich|wir) werden?(?: \w+){0,5} (?:buchen|stornieren|erstatten|andern|schicken|senden|bestellen|verbinden|"
        r"aktivieren|kundigen|veranlassen)",
    ),
    human=said(
        r"ich bin (?:kein(?:e)? (?:ki|roboter|maschine|computer|bot)|(?:ein(?:e)? )?(?:\w+ )?(?:mensch|person|frau|"
        r"mann))",
    ),
    more=said(
        r"(?:kann|darf) ich (?:ihnen )?(?:sonst )?noch(?: \w+){0,3} (?:helfen|tun)", r"sonst noch (?:etwas|fragen)",
        r"haben sie (?:noch )?weitere fragen",
    ),
)  # fmt: skip
