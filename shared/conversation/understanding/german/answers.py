"""What German speakers say back: yes and no, thanks, farewells, requests for a person."""

from __future__ import annotations

import re

from shared.conversation.tables import said
from shared.conversation.understanding.words import AnswerWords

_PERSON = (
    r"(?:(?:echten? |richtigen? |wirklichen? )?(?:menschen?|person|berater(?:in)?|mitarbeiter(?:in)?|"
    r"sachbearbeiter(?:in)?|"
    r"kundenberater(?:in)?|kundendienst|kundenservice|vorgesetzten?|operator|kolleg(?:e|en|in)))"
)
_ANYONE = rf"(?:{_PERSON}|jemand(?:en|em)?|irgendjemand(?:en|em)?|irgendwen)"
_MACHINE = r"(?:mensch|person|roboter|maschine|computer|ki|kunstliche intelligenz|automat|bot|bandansage|echt)"
_YES = (
    r"(?:ja+|jo+|jawohl|jep|jap|genau|richtig|stimmt|korrekt|sicher|klar|naturlich|gerne?|auf jeden fall|"
    r"in ordnung|einverstanden|passt|das (?:ist|war) (?:richtig|korrekt|gut|sie|es)|so ist es|bitte ja|von mir aus|"
    r"ok(?:ay)?|mhm+|mm ?hm+|aha)"
)
_ME = r"(?:mich|uns|hier|diese nummer|meine nummer)"

ANSWERS = AnswerWords(
    fillers=said("ah+m?", "ahm+", "eh+m?", "ehm+", "hm+", "also", "halt", "eben", "sozusagen", "naja", "na ja", "na",
                 "tja", "quasi", "einfach mal"),
    yes=said(rf"^(?:(?:und|aber|ok|okay|gut|ah) )*{_YES}", "ja", "das stimmt", "ist (?:korrekt|richtig)"),
    no=said(
        "^(?:(?:und|aber|ok|okay|danke|ah|oh) )*(?:nein+|nee+|ne|no|nicht|nichts|falsch|niemals|auf keinen fall|"
        "keinesfalls|"
        "eigentlich nicht|(?:im moment|heute|jetzt|noch|gerade) nicht|stimmt nicht|nicht (?:ganz|richtig|wirklich))",
        "nein danke",
        "(?:das )?(?:ist|war) (?:falsch|nicht (?:richtig|korrekt))",
        "stimmt (?:so )?nicht",
    ),
    unsure=said("nicht sicher", "keine ahnung", "weiss (?:es |ich )?(?:gar |leider )?nicht", "vielleicht",
    "moglicherweise",
                "ich glaube schon", "kommt drauf an", "vergessen", "eventuell"),
    refusal=said(
        "mochte (?:ich )?(?:nicht|lieber nicht|keine)", "lieber nicht", "will (?:ich )?(?:nicht|keine)",
        "gebe? (?:ich )?(?:nicht|keine)", "keine (?:e ?mail|mail|adresse)", "habe? (?:ich )?keine?(?: e ?mail| mail)?",
        "geht (?:sie|dich) nichts an", "uberspringen", "ist egal", "ohne (?:e ?mail|adresse|geht)", "nicht notig",
        "brauchen sie nicht", "(?:sie )?haben (?:sie )?(?:schon )?meine (?:e ?mail|nummer|adresse)", "lassen wir das",
    ),
    why=said("warum (?:brauchen|wollen|mussen|muss|soll)", "wofur", "wozu", "wieso (?:brauchen|wollen|muss)",
             "muss das sein", "ist das (?:notig|notwendig)", "was (?:machen|passiert) (?:sie )?damit"),
    thanks=said("danke+", "dankeschon", "danke schon", "vielen dank", "besten dank", "herzlichen dank",
    "dank(?:e)? ihnen",
                "merci", "bedanke? mich"),
    goodbye=said("tschuss+", "tschau", "ciao", "auf wiederhoren", "auf wiedersehen", "wiederhoren", "wiedersehen",
    "bis dann",
                 "bis bald", "bis spater", "servus$", "ade",
                 "(?:einen )?(?:schonen|guten) (?:tag|abend|nachmittag) noch",
                 "schones wochenende", "gute nacht", "(?:sie konnen )?auflegen", "ich lege (?:jetzt )?auf", "bye+",
                 "ich muss (?:jetzt )?(?:los|gehen|auflegen|weg)"),
    done=said(
        "das (?:war(?:s| es| alles)|ist alles|wars(?: schon| dann)?)", "war(?:s| das) (?:schon|alles)?$",
        "nichts (?:mehr|weiter|sonst)", "sonst nichts", "alles (?:klar|gut|erledigt|geklart|bestens)$",
        "keine (?:weiteren |anderen )?(?:fragen?|anliegen|probleme?)(?: mehr)?",
        "(?:im moment|heute|jetzt|gerade) nicht", "(?:ich )?bin (?:fertig|zufrieden|versorgt)",
        "das (?:hilft|half|hat (?:mir )?(?:sehr |schon )?geholfen|reicht|genugt|beantwortet)",
        "(?:das )?reicht(?: mir)?$",
    ),
    greeting=said("^(?:hallo+|hi|hey|guten (?:tag|morgen|abend)|grus+ (?:gott|dich|sie)|moin(?: moin)?|servus|tag|"
    "morgen)",
                  "^(?:und )?wie geht (?:es|s)(?: ihnen| dir)?$"),
    person=said(
        rf"(?:mit|zu|an) (?:(?:einem|einer|einen|ihrem|ihrer|dem|der|nem|ner) )?{_ANYONE}(?: \w+){{0,3}} "
        rf"?(?:sprechen|reden|"
        rf"verbinden|verbunden|durchstellen|telefonieren|weiterleiten)",
        rf"(?:sprechen|reden|verbinden sie mich|stellen sie mich|durchstellen|weiterleiten)(?: \w+){{0,4}} {_ANYONE}",
        rf"(?:mochte|will|wollte|brauche|hatte gern|geben sie mir|gibt es|kann ich)(?: \w+){{0,4}} {_PERSON}",
        r"(?:nicht|kein\w*)(?: \w+){0,3} (?:roboter|maschine|computer|automaten|bot|ki)(?: \w+){0,2}$",
        rf"(?:{_ANYONE} )?(?:\w+ ){{0,2}}(?:mich|uns) (?:bitte )?(?:zuruck ?rufen|anrufen)",
        "^(?:bitte )?rufen sie (?:mich|uns) (?:bitte )?(?:zuruck|an)", "(?:einen )?ruckruf",
    ),
    person_alone=re.compile(
        rf"(?:(?:einen?|einem|einer|den|mit|bitte|ja|nein|okay|echten?|zum|zur) )*(?:{_PERSON}|ruckruf)(?: (?:bitte|"
        rf"jetzt|"
        rf"danke))*"
    ),
    repeat=said(
        "(?:konnen|konnten|wurden) sie (?:das |es |bitte )*(?:wiederholen|noch ?mal sagen|noch einmal sagen|nochmals "
        "sagen)",
        "wiederholen(?: sie)?(?: das| bitte)*$", "(?:noch ?mal|noch einmal|nochmals) bitte$",
        "^(?:bitte )?(?:noch ?mal|noch "
        "einmal|nochmals)(?: bitte)?$", "was haben sie (?:gerade )?gesagt", "^(?:wie )?bitte$", "^wie(?: war das)?$",
        "^was$",
        "(?:nicht|schlecht) (?:gehort|mitbekommen)$", "langsamer", "zu schnell",
        "(?:habe? )?(?:das|sie) (?:leider )?nicht "
        "verstanden$",
    ),
    wait=said("(?:einen|ein) (?:moment|augenblick|sekunde)", "eine (?:sekunde|minute)", "^(?:moment|augenblick|sekunde)"
              "(?: bitte| mal)*$", "warten sie", "bleiben sie (?:bitte )?dran",
              "^(?:ich )?(?:muss|schaue|sehe|gucke) (?:kurz|"
              "mal|eben)(?: mal| kurz| eben)?(?: nach| nachsehen| nachschauen| gucken)?$"),
    are_you_human=said(
        rf"(?:sind sie|bist du|spreche ich (?:mit|hier mit)|rede ich mit)(?: \w+){{0,3}} {_MACHINE}\w*",
        rf"ist das (?:hier )?(?:eine?|ein) {_MACHINE}\w*",
    ),
    who_are_you=said("wer (?:sind sie|ist da|spricht da|bist du)", "mit wem (?:spreche|rede) ich",
    "wie (?:heissen sie|ist ihr "
                     "name)", "welche firma", "^(?:und )?was konnen sie(?: alles)?(?: tun| machen)?(?: fur mich)?$"),
    can_you_hear=said("(?:horen|hort) (?:sie|ihr|du) mich", "konnen sie mich horen", "sind sie (?:noch )?(?:da|dran)",
                      "ist da jemand", "hallo noch da"),
    not_helped=said(
        "(?:hat |das )*nicht geholfen", "hilft (?:mir )?(?:leider )?nicht",
        "(?:das|es) (?:geht|funktioniert|klappt) (?:immer "
        "noch |auch |leider |so )*nicht$", "(?:habe ich |schon |bereits )+(?:versucht|probiert|gemacht)$",
        "falsche antwort",
        "nicht (?:meine frage|das was ich|hilfreich)", "(?:das ist|so ein) (?:quatsch|unsinn|blodsinn)",
    ),
    acknowledges=re.compile(
        r"^(?:(?:ok(?:ay)?|ah|aha|ach so|achso|alles klar|klar|gut|sehr gut|prima|super|toll|schon|verstehe|verstanden|"
        r"ich verstehe|perfekt|wunderbar|in ordnung|ja+|jo|genau|mhm+|mm ?hm+|gut zu wissen|das ist (?:gut|toll|"
        r"super|prima|"
        r"schon)|das (?:mache|probiere|versuche) ich|danke+|vielen dank|danke schon|na gut|fein|klasse)(?: |$))+$"
    ),
    accepts=said("^(?:(?:ok|okay|ah|hm) )*(?:ja+|jo|jawohl|gern|gerne|bitte|klar|sicher)",
    "noch (?:eine|ne) (?:frage|sache)",
                 "noch (?:et)?was", "etwas anderes", "was anderes"),
    no_calls=said(
        rf"(?:rufen|kontaktieren|belastigen) sie {_ME}(?: \w+){{0,2}} (?:nie|nicht|keinesfalls)(?: \w+){{0,3}}(?: an)?",
        r"(?:nie|nicht|keine)(?: \w+){0,3} (?:anrufen|angerufen|anrufe)",
        "(?:streichen|loschen|nehmen) sie (?:mich|meine nummer|diese nummer)",
    ),
    polite=said(
        "bitte", "sehr", "vielmals", "heute", "jetzt", "dann", "gut", "super", "prima", "toll", "schon", "okay", "ok",
        "klar",
        "ja", "nein", "nicht", "danke", "dank", "ihnen", "sie", "auch", "ebenfalls", "gleichfalls", "alles", "sonst",
        "nichts",
        "mehr", "hilfe", "geholfen", "antwort", "frage", "fragen", "erklarung", "weiss", "glaube", "denke", "fertig",
        "brauche",
        "hallo", "tag", "morgen", "abend", "herr", "frau", "genau", "richtig", "falsch", "naturlich", "gern", "gerne",
        "mal",
        "noch", "einmal", "wirklich", "entschuldigung", "tut mir leid", "fur (?:ihre (?:hilfe|zeit)|die hilfe|alles)",
    ),
)  # fmt: skip
