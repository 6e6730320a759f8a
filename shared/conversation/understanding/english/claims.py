"""What an English-speaking model must not say."""

from __future__ import annotations

from shared.conversation.tables import said
from shared.conversation.understanding.words import ClaimWords

_I_HAVE = r"(?:i(?: ha)?ve|i just|we(?: ha)?ve|i) (?:(?:now|already|just|also|successfully) )*"

CLAIMS = ClaimWords(
    ticket=said(
        rf"{_I_HAVE}(?:opened|created|raised|logged|filed|submitted|made|put in|sent|noted|passed)(?: \w+){{0,4}} "
        r"(?:ticket|case|request|report|colleagues?|team|complaint)",
        r"(?:ill|i will|ive|we will|let me|i am going to|im going to) (?:\w+ )?(?:open|create|raise|log|file|submit|"
        r"pass)(?: \w+){0,4} (?:ticket|case|request|report|on|colleagues?|team)",
        r"(?:ticket|case|request) (?:has been|was|is) (?:opened|created|raised|logged|filed|submitted)",
        r"(?:someone|somebody|a colleague|our team|a person|an agent) (?:will|is going to) (?:call|contact|get back|"
        r"follow up|reach|look|e ?mail)",
    ),
    action=said(
        rf"{_I_HAVE}(?:booked|scheduled|rescheduled|cancell?ed|refunded|credited|changed|updated|reset|sent|"
        rf"emailed|ordered|"
        r"transferred|activated|deactivated|removed|added|charged|upgraded|processed|arranged|issued|applied|confirmed|"
        r"restarted|unlocked|called|texted|paid|waived)",
        r"(?:your|the) (?:\w+ ){0,3}(?:has|have|is|was|were) (?:now |been |already |successfully )*(?:booked|"
        r"scheduled|rescheduled|refunded|credited|cancell?ed|processed|upgraded|waived|unlocked)(?! (?:if|when|within|"
        r"after|until|unless|automatically|by|in|on|at|to|for|once|as|with|through))",
        r"(?:ill|i will|im going to|i am going to|let me) (?:\w+ )?(?:book|schedule|reschedule|cancel|refund|credit|"
        r"change|update|reset|send|email|order|transfer|activate|charge|upgrade|process|waive|call|text|connect|put)",
    ),
    human=said(
        r"(?:i am|im) (?:not (?:an? )?(?:ai|robot|bot|machine|computer|automated)|(?:an? )?(?:\w+ )?(?:human|real "
        r"person|person|woman|man))",
    ),
    more=said(
        r"(?:is there )?anything else (?:i|we|you|that)", "(?:can|may) i help you with anything else", "what else can i"
    ),
)
