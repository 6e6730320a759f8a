"""How German speakers ask, and how they sound when they have not finished."""

from __future__ import annotations

import re

from shared.conversation.tables import said, words
from shared.conversation.understanding.words import QuestionWords

QUESTIONS = QuestionWords(
    opens_question=said(
        "wie", "was", "wann", "wo", "woher", "wohin", "warum", "wieso", "weshalb", "wer", "wen", "wem", "wessen",
        "welche[rsnm]?", "wieviel", "wofur", "womit", "woran",
        "(?:kann|konnte|darf|soll|sollte|muss|werde|habe|bin|brauche) (?:ich|man)",
        "(?:konnen|konnten|durfen|sollen|mussen|werden|haben|sind|brauchen) (?:sie|wir)",
        "(?:ist|sind|gibt|geht|hat|wird|kommt|funktioniert|kostet|lasst) (?:es|das|der|die|mein|meine|ihr|ihre|sich)",
        "ich (?:mochte|will|wollte|brauche|habe|hatte|kann|konnte|bin|war|suche|bekomme|verstehe|finde|weiss|komme|"
        "warte|"
        "wurde)",
        "wir (?:mochten|wollen|brauchen|haben|konnen|sind)",
        r"(?:mein|meine|meinen|der|die|das|unser|unsere) \w+(?: \w+){0,3} (?:ist|sind|geht|gehen|funktioniert|"
        r"funktionieren|"
        r"hat|haben|wird|zeigt|blinkt|lasst|war|kommt|fehlt|startet|sagt|lauft|leuchtet)",
        "es (?:geht|funktioniert|kommt|steht|zeigt|gibt|klappt)", "nichts (?:geht|funktioniert)",
        "(?:frage|problem|schwierigkeiten|arger|hilfe) (?:zu|zum|zur|mit|bei|wegen|uber)", "erklaren sie",
        "sagen sie mir",
        "(?:es geht um|ich rufe (?:an )?wegen)", "mir (?:fehlt|wurde|ist)",
    ),
    interrogative=said(
        "^(?:(?:und|aber|also|ok|okay|ja|nein|moment|entschuldigung|ausserdem|noch) )*(?:wie|was|wann|wo|woher|wohin|"
        "warum|"
        "wieso|weshalb|wer|welche[rsnm]?|wieviel|wofur|(?:kann|konnte|darf|soll|muss) (?:ich|man)|(?:konnen|konnten|"
        "haben) "
        "(?:sie|wir)|(?:ist|sind|gibt|hat|wird) (?:es|das|der|die|mein|meine)|ich habe (?:noch )?eine (?:andere |"
        "weitere )?"
        "frage)"
    ),
    function_words=words(
        "ein eine einen einem einer eines der die das den dem des und oder aber wenn dann als ob dass weil damit "
        "dies diese "
        "dieser diesen diesem dieses es ich mir mich mein meine meinen meinem meiner wir uns unser unsere unseren "
        "sie ihnen "
        "ihr ihre ihren ihrem er ihn ihm man sich ist sind war waren wird werden wurde wurden sein bin bist habe hat "
        "haben "
        "hatte hatten kann konnte konnen konnten soll sollte sollen muss mussen darf durfen mochte mochten will "
        "wollen wollte "
        "wurde wurden zu zum zur von vom im in ins am an auf aus bei beim mit nach fur um uber unter vor wegen ohne "
        "bis durch "
        "gegen nicht kein keine keinen keinem nur auch noch schon sehr mal da dort hier jetzt wie was wann wo warum "
        "wieso wer "
        "wen wem welche welcher welches welchen wieviel alle alles andere mehr so doch ja nein bitte danke hallo "
        "eigentlich "
        "vielleicht immer wieder gerade denn geht gehen machen mache macht tun tue gibt geben komme kommt bekomme "
        "lassen lasse "
        "brauche brauchen sagen okay ok gut also"
    ),
    vague_words=words(
        "problem probleme schwierigkeit schwierigkeiten arger hilfe helfen frage fragen sache sachen ding dinge "
        "etwas was "
        "anliegen kaputt defekt fehler funktioniert funktionieren klappt konto dienst produkt service unterstutzung "
        "anrufen "
        "rufe sprechen reden jemand beschwerde situation heute morgen abend tag kurz schnell komisch seltsam "
        "versuche versucht "
        "probiert informationen auskunft kunde firma"
    ),
    follow_up=said(
        "^(?:und|aber|also|dann|auch|oder|okay und|was ist mit|wie ist es mit|was wenn|ist (?:es|das)|wie lange|wie "
        "viel|wie "
        "oft|wann|wo|welche[rsnm]?|warum|danach|vorher)"
    ),
    pointers=words("es das dies diese dieser dieses ihn ihm sie davon damit dafur dabei dort beide"),
    unfinished=re.compile(
        r"\b(?:und|oder|aber|weil|denn|wenn|als|dass|ob|der|die|das|den|dem|ein|eine|einen|einem|einer|mein|meine|"
        r"meinen|ihr|"
        r"ihre|unser|zu|zum|zur|von|vom|in|im|am|an|auf|aus|bei|mit|nach|fur|um|uber|wegen|ohne|ist|sind|war|bin|"
        r"habe|hat|"
        r"haben|kann|konnen|soll|muss|mochte|will|wurde|ich|wir|ah+m?|ahm+|ehm+|also|sehr|nicht|kein|keine|wie|was|"
        r"wo|warum|"
        r"noch|auch|nur|doppel|unterstrich|bindestrich|minus|punkt|plus|moment)$"
    ),
    asking_words=words("wie was wann wo warum wieso wer welche welcher welches welchen wieviel"),
    telling_words=words(
        "viel viele lange oft bald weit ohne vor nach ab wieder noch schon nur mehr erst letzte ihr ihre auf aus ein "
        "unter uber"
    ),
    denying_words=words("nicht nie kein keine keinen keinem ohne nichts niemand unmoglich weder"),
    names_existence=said("gibt es", "es gibt"),
    wants_figure=said(
        "wie (?:viel|viele|lange|oft|spat|fruh|weit|hoch|teuer)", "wieviel", "wann", "um wie ?viel uhr",
        "(?:welche[rsnm]?) (?:zeit|datum|tag|betrag|nummer)",
        "(?:preis|preise|kosten|kostet|gebuhr|gebuhren|tarif|frist|fallig|offnungszeiten|rechnung|guthaben)",
    ),
    mentions_email=re.compile(r"\b(?:email|e mail|mail|mailadresse|emailadresse)\b"),
)  # fmt: skip
