"""How English speakers say addresses and spell words."""

from __future__ import annotations

from shared.conversation.alphabet import WORD_OF_LETTER
from shared.conversation.tables import phrases, words
from shared.conversation.understanding.words import SpellingWords


def _numbered(text: str, first: int) -> dict[str, int]:
    return {word: number for number, word in enumerate(text.split(), start=first)}


_ALPHABET = {word.lower().replace("-", ""): letter for letter, word in WORD_OF_LETTER.items()} | {
    "alfa": "a",
    "foxtrott": "f",
    "gulf": "g",
    "juliett": "j",
    "juliette": "j",
    "keelo": "k",
    "leema": "l",
    "cierra": "s",
    "whisky": "w",
    "yanky": "y",
}

SPELLING = SpellingWords(
    at=phrases("at, at sign, at symbol, at the rate, at the rate of, at character, symbol at, sign at"),
    dot=phrases("dot, point, period, full stop, dots, dot sign"),
    underscore=phrases("underscore, under score, underscores, underline, underbar, low dash"),
    dash=phrases("dash, hyphen, minus, minus sign, hyphen sign, middle dash"),
    plus=phrases("plus, plus sign"),
    leads=phrases(
        "is, its, it is, thats, that is, this is, would be, will be, email, email address, emails, address, mail "
        "address, reach me at, reach me on, contact me at, contact me on, mail me at, write to, write me at, send it "
        "to, send that to, use, try, it as, address as, under, want to use, should be, be, case its, but its"
    ),
    spells=phrases(
        "spelled, spelt, spelling, spelled as, thats spelled, thats spelt, its spelled, its spelt, which is spelled, "
        "spells, i spell, i will spell, ill spell it, ill spell that, let me spell it, let me spell that, let me "
        "spell that for you, let me spell it for you, ill spell that for you, ill spell it for you, thats"
    ),
    restarts=phrases(
        "no, nope, no wait, wait no, no no, no sorry, sorry no, sorry, oh sorry, i mean, i meant, scratch that, "
        "correction, actually, oh wait actually, let me start over, let me start again, start again, start over, "
        "rather, my mistake, my bad, forget that"
    ),
    noise=phrases(
        "um, uh, uhm, er, erm, hmm, hm, mm, ah, eh, oh okay, okay, ok, so, well, right, yeah, yes, yep, sure, please, "
        "you know, i think, i guess, i believe, let me see, let me think, wait, hold on, hang on, one second, no "
        "space, no spaces, without spaces, all one word, one word, as one word, all together, altogether, in one "
        "word, in lowercase, in lower case, all lowercase, all lower case, all in lower case, all in lowercase, "
        "lowercase, lower case, uppercase, upper case, capital letter, capital, in capitals, all caps, all small, all "
        "small letters, small letters, the letter, letter, letters, the number, number, numbers, digit, digits, the "
        "digit, the digits, the numbers, the word, the symbol, the sign, the name, symbol, sign, and then, then, and, "
        "followed by, next, comma, space, again, the following, alright, all right, thanks, thank you, got it, and "
        "the, then the, and then the, kind of, sort of, basically, like i said, as one"
    ),
    letter_sizes=words("small big little large"),
    explains=phrases("as in, is in, like in, as and, s in, as for, as in the word, like the word, as in the name"),
    explains_maybe=phrases("for, like, as, 4, four, is for, of, from, and, in"),
    repeats={"double": 2, "triple": 3, "treble": 3},
    double_letter_w=phrases("double u, double you, double yew, double ewe, dub u, double your, double use"),
    units={
        "zero": 0,
        "nought": 0,
        "naught": 0,
        "nil": 0,
    }
    | _numbered("one two three four five six seven eight nine", 1)
    | {"niner": 9, "fife": 5},
    teens=_numbered("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen", 10),
    tens={
        word: tens * 10
        for word, tens in _numbered("twenty thirty forty fifty sixty seventy eighty ninety", 2).items()
    }
    | {"fourty": 40},
    hundred=words("hundred"),
    alphabet=_ALPHABET,
    names_in_alphabet=words(
        "charlie mike oscar victor juliet juliett juliette romeo sierra papa india lima echo delta"
    ),
    letter_sounds={
        "ay": "a", "eh": "a", "hey": "a", "bee": "b", "be": "b", "bea": "b", "see": "c", "sea": "c", "cee": "c",
        "dee": "d", "de": "d", "ee": "e", "eff": "f", "ef": "f", "gee": "g", "ji": "g", "aitch": "h", "haitch": "h",
        "eye": "i", "aye": "i", "jay": "j", "kay": "k", "que": "q", "cue": "q", "queue": "q", "ell": "l", "el": "l",
        "em": "m", "en": "n", "oh": "o", "owe": "o", "pee": "p", "pea": "p", "are": "r", "ar": "r", "our": "r",
        "ess": "s", "es": "s", "tea": "t", "tee": "t", "ti": "t", "you": "u", "yew": "u", "vee": "v", "ex": "x",
        "why": "y", "wye": "y", "zee": "z", "zed": "z", "said": "z", "zet": "z", "cube": "q",
    },
    digit_sounds={"oh": "0", "o": "0", "to": "2", "too": "2", "free": "3", "tree": "3", "for": "4", "ate": "8",
                  "won": "1", "sex": "6", "fiver": "5"},
    mishearings={
        "geemail": "gmail", "jmail": "gmail", "jeemail": "gmail", "gmale": "gmail", "gemail": "gmail",
        "hotmale": "hotmail", "yahu": "yahoo", "outlock": "outlook", "eyecloud": "icloud", "calm": "com",
        "come": "com", "con": "com", "comm": "com", "coms": "com", "nett": "net",
    },
    ordinals=_numbered("first second third fourth fifth sixth seventh eighth ninth tenth", 1) | {"last": -1},
    negation="not",
    without=phrases("without, without a, without the, remove the, drop the, isnt a, is not a, not a, isnt any"),
    instead=phrases("instead of, rather than"),
    between="between",
    single=phrases("single, only one, just one, one"),
)  # fmt: skip
