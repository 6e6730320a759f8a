"""How German speakers say addresses and spell words, with the English signs that they use too."""

from __future__ import annotations

from shared.conversation.tables import phrases, words
from shared.conversation.understanding.words import SpellingWords


def _numbered(text: str, first: int, step: int = 1) -> dict[str, int]:
    return {word: first + place * step for place, word in enumerate(text.split())}


_UNITS = _numbered("eins zwei drei vier funf sechs sieben acht neun", 1) | {"null": 0, "zwo": 2, "ein": 1}
_TENS = _numbered("zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig", 20, 10)
_COMPOUND = {
    f"{'ein' if unit == 'eins' else unit}und{ten}": tens + value
    for ten, tens in _TENS.items()
    for unit, value in _UNITS.items()
    if value and unit not in ("zwo", "ein")
}
"""Twenty-one and the like, which German writes in one word: "einundzwanzig"."""

SPELLING = SpellingWords(
    at=phrases("at, at zeichen, klammeraffe, affenschwanz, ett, et zeichen"),
    dot=phrases("punkt, dot, punkte"),
    underscore=phrases("unterstrich, underscore, tiefstrich"),
    dash=phrases("bindestrich, minus, strich, mittelstrich, minuszeichen"),
    plus=phrases("plus, pluszeichen"),
    leads=phrases(
        "ist, das ist, es ist, lautet, sie lautet, die lautet, die ist, email, email adresse, emailadresse, mail "
        "adresse, "
        "mailadresse, meine email, meine email ist, meine adresse ist, adresse, ware, sind, erreichen unter, unter, "
        "an, nehmen "
        "sie, schreiben sie an, schicken sie es an"
    ),
    spells=phrases(
        "geschrieben, buchstabiert, ich buchstabiere, das buchstabiert man, das schreibt man, man schreibt es, wird "
        "geschrieben, "
        "das wird geschrieben, ich buchstabiere es"
    ),
    restarts=phrases(
        "nein, ne, nee, quatsch, falsch, moment nein, nein moment, ich meine, ich meinte, entschuldigung, sorry, "
        "verzeihung, "
        "korrektur, nochmal, noch einmal, von vorne, noch mal von vorne"
    ),
    noise=phrases(
        "ah, ahm, ehm, hm, okay, ok, also, gut, ja, genau, bitte, ich glaube, ich denke, mal sehen, moment, warten "
        "sie, ohne "
        "leerzeichen, alles klein, alles kleingeschrieben, alles klein geschrieben, kleingeschrieben, klein "
        "geschrieben, alles "
        "zusammen, zusammen, zusammengeschrieben, in einem wort, ein wort, der buchstabe, buchstabe, die zahl, zahl, "
        "die ziffer, "
        "ziffer, zeichen, das zeichen, das wort, der name, und dann, dann, und, danach, gefolgt von, komma, wieder, "
        "danke, in "
        "kleinbuchstaben, kleinbuchstaben, in grossbuchstaben, grossbuchstaben, und das"
    ),
    letter_sizes=words("klein kleines grosses gross kleiner grosser"),
    explains=phrases("wie in, wie bei, wie das wort, wie im wort"),
    explains_maybe=phrases("wie, fur, von"),
    repeats={"doppel": 2, "doppeltes": 2, "doppelt": 2, "zweimal": 2, "dreimal": 3, "double": 2},
    double_letter_w=phrases("double u, double you"),
    units=_UNITS,
    teens=_numbered(
        "zehn elf zwolf dreizehn vierzehn funfzehn sechzehn siebzehn achtzehn neunzehn", 10
    ) | _COMPOUND,
    tens=_TENS,
    hundred=words("hundert"),
    alphabet={
        "anton": "a", "arger": "a", "aachen": "a", "berta": "b", "berlin": "b", "casar": "c", "chemnitz": "c",
        "cottbus": "c",
        "dora": "d", "dusseldorf": "d", "emil": "e", "essen": "e", "friedrich": "f", "frankfurt": "f", "gustav": "g",
        "goslar": "g", "heinrich": "h", "hamburg": "h", "ida": "i", "ingelheim": "i", "julius": "j", "jena": "j",
        "kaufmann": "k", "konrad": "k", "koln": "k", "ludwig": "l", "leipzig": "l", "martha": "m", "marta": "m",
        "munchen": "m", "nordpol": "n", "nurnberg": "n", "otto": "o", "offenbach": "o", "paula": "p", "potsdam": "p",
        "quelle": "q", "quickborn": "q", "richard": "r", "rostock": "r", "samuel": "s", "siegfried": "s",
        "salzwedel": "s",
        "theodor": "t", "tubingen": "t", "ulrich": "u", "unna": "u", "viktor": "v", "victor": "v", "volklingen": "v",
        "wilhelm": "w", "wuppertal": "w", "xanthippe": "x", "xaver": "x", "xanten": "x", "ypsilon": "y",
        "zacharias": "z",
        "zeppelin": "z", "zwickau": "z",
    },
    names_in_alphabet=words(
        "anton berta dora emil friedrich gustav heinrich ida julius konrad ludwig martha marta otto paula richard "
        "samuel "
        "siegfried theodor ulrich viktor victor wilhelm xaver kaufmann"
    ),
    letter_sounds={
        "ah": "a", "be": "b", "bee": "b", "ce": "c", "zeh": "c", "tse": "c", "de": "d", "deh": "d", "eff": "f",
        "ef": "f",
        "ge": "g", "geh": "g", "ha": "h", "jot": "j", "jott": "j", "ka": "k", "kah": "k", "el": "l", "ell": "l",
        "em": "m",
        "emm": "m", "en": "n", "enn": "n", "oh": "o", "pe": "p", "peh": "p", "ku": "q", "kuh": "q", "er": "r",
        "err": "r",
        "es": "s", "ess": "s", "te": "t", "tee": "t", "teh": "t", "uh": "u", "vau": "v", "fau": "v", "we": "w",
        "weh": "w",
        "ix": "x", "iks": "x", "ypsilon": "y", "upsilon": "y", "zet": "z", "zett": "z", "tset": "z",
    },
    digit_sounds={"o": "0"},
    mishearings={
        "jmail": "gmail", "gmehl": "gmail", "tschi mail": "gmail", "komm": "com", "kom": "com", "geemex": "gmx",
        "wep": "web",
    },
    ordinals=_numbered("erste zweite dritte vierte funfte sechste siebte achte neunte zehnte", 1) | {"letzte": -1},
    negation="nicht",
    without=phrases("ohne, ohne den, ohne das, kein, keinen"),
    instead=phrases("statt, anstatt, anstelle von"),
    between="zwischen",
    single=phrases("nur ein, nur eine, einfaches, einzelnes"),
)  # fmt: skip
