"""How English speakers ask, and how they sound when they have not finished."""

from __future__ import annotations

import re

from shared.conversation.tables import said, words
from shared.conversation.understanding.words import QuestionWords

QUESTIONS = QuestionWords(
    opens_question=said(
        "how (?:do|does|can|could|should|would|long|much|many|often|soon|far|come|is|are|was|to|i)",
        "what(?:s| is| are| do| does| happens| if| about| time| should| can| kind)",
        "which",
        "whose",
        "whe(?:n|re)(?:s| is| are| do| does| can| will| was| should)",
        "who(?:s| is| do| does| can| should)",
        "why(?: is| does| do| are| did| was| has| cant| wont)?",
        "can (?:i|you|we|it|my|the)",
        "could (?:i|you|we|it)",
        "do (?:i|you|we|they)",
        "does (?:it|the|my|this|that|your)",
        "did (?:you|i|the)",
        "is (?:it|there|this|that|my|the|your)",
        "are (?:there|you|the|my|these|they)",
        "will (?:i|it|you|the|my|there|this)",
        "would (?:it|you|i)",
        "should i",
        "am i",
        "have you",
        "has (?:my|the)",
        "may i",
        "tell me",
        "explain",
        "help (?:me )?with",
        "wondering (?:how|if|what|when|whether|why)",
        "calling (?:about|because)",
        "i (?:want|need|wanted|would like|wish|have|had|cant|cannot|could not|couldnt|am|was|got|lost|forgot|tried|"
        "keep|see|do not|dont|didnt|did not|bought|ordered|paid|received|still|moved)",
        "id (?:like|want)",
        "ive",
        "im (?:having|trying|getting|looking|calling|not|unable|locked|moving|stuck|interested|wondering)",
        r"(?:my|the|this) \w+(?: \w+){0,3} (?:is|isnt|are|arent|has|hasnt|have|does|doesnt|do|dont|wont|cant|keeps|"
        r"was|wasnt|went|stopped|broke|needs|shows|says|didnt|will|never|blinks)",
        "theres",
        "there (?:is|are)",
        "we (?:have|need|want|cant|are)",
        "(?:question|problem|issue|trouble|help) (?:about|with|regarding|concerning)",
        "nothing works",
        "it (?:says|shows|keeps|doesnt|wont|is not|isnt|stopped|does not|will not)",
        "its not working",
    ),
    interrogative=said(
        "^(?:(?:and|but|so|ok|okay|yes|no|wait|sorry|hold on|also|first|then|by the way) )*(?:how|what|whats|when|"
        "where|wheres|why|who|which|can (?:i|you|we)|could (?:i|you|we)|do (?:i|you|we)|does|did|is (?:it|there|this|"
        "that|my)|are (?:there|you|my)|will|would|should|may i|tell me|i have (?:a|another|one more) question)"
    ),
    function_words=words(
        "a an the and or but if then than that this these those it its i im ive id me my mine we us our you your he "
        "she they them their his her is are was were be been being am do does did doing done dont doesnt didnt have "
        "has had havent hasnt can could cant couldnt will would wont wouldnt shall should shouldnt may might must to "
        "of in on at by for from with without about into onto over under up down out off as so not no nor only own "
        "same too very just also again once here there when where why how what which who whom whose whats hows wheres "
        "whens all any both each few more most other some such s t now really please hi hello hey um uh er erm hmm "
        "okay ok yes yeah well like actually basically maybe oh ah get got getting go going want wants wanted need "
        "needs needed tell know let lets because since while during still already even much many lot lots bit kind "
        "sort quite theres"
    ),
    vague_words=words(
        "problem problems issue issues trouble troubles help support question questions thing things something "
        "anything stuff matter wrong broken broke fix fixed work works working worked doesn error errors happening "
        "happened happens having account service product assistance assist call calling called talk speak ask asking "
        "someone enquiry inquiry query concern concerns complaint situation figure today morning afternoon evening "
        "good day quick small big weird strange trying try tried hoping wondering looking look information info "
        "details customer company guys sir madam"
    ),
    follow_up=said(
        "^(?:and|but|so|then|also|or|okay and|ok and|what about|how about|what if|is it|is that|does it|does that|can "
        "it|will it|will that|how long|how much|how often|when|where|which|why|what then|after that|before that)"
    ),
    pointers=words("it its that this they them those these there one ones he she then same both"),
    unfinished=re.compile(
        r"\b(?:and|or|but|so|because|cause|since|if|when|while|which|who|whose|the|a|an|my|your|our|their|his|her|its|"
        r"to|of|in|on|at|by|for|from|with|about|into|is|are|was|were|am|be|been|have|has|had|do|does|did|can|could|"
        r"will|would|should|might|may|must|i|im|we|they|he|she|um+|uh+|er+m?|hm+|like|you know|i mean|well|some|any|"
        r"very|really|as|than|then|not|dont|doesnt|cant|wont|how|what|where|why|ive|id|youre|theres|just|want|need|"
        r"trying|going|let me see|lets see|also|maybe|either|both|every|each|no wait|double|triple|underscore|dash|"
        r"hyphen|dot|plus|capital)$"
    ),
    asking_words=words("how what whats when where why who which whose"),
    telling_words=words(
        "much many long often soon far if without before after from again still already only more most both first last "
        "your you on off in out up down into onto over under"
    ),
    denying_words=words(
        "not no never cant cannot dont didnt wont isnt doesnt havent hasnt without unable couldnt wasnt arent nor "
        "wouldnt shouldnt nothing none"
    ),
    names_existence=said("(?:is|are|was|were|will|can) there", "there (?:is|are|was|were)"),
    wants_figure=said(
        "how (?:much|many|long|often|soon|late|early|far)",
        "when",
        "(?:what|which) (?:time|date|day|days|hours|rate|amount|number)",
        "(?:price|prices|pricing|cost|costs|fee|fees|charge|charges|rate|rates|balance|deadline|due|opening hours)",
    ),
    mentions_email=re.compile(r"\b(?:email|e mail|mail address|mail)\b"),
)
