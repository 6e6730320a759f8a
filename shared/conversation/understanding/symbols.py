"""From a recogniser's text to the symbols of an address: letters, digits, dots, the at sign, and what is only talk."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from shared.conversation.understanding.words import PhraseIndex, SpellingWords

LONGEST = 400
"""Characters looked at, the last ones: twenty letters with a word for each."""
COUNTRY_WORDS = frozenset({"no", "is", "it", "at", "so", "me", "to", "in", "us", "be", "as", "am", "my", "la", "use"})
"""Top level domains that are also words of ours; after a dot they are domains."""


class Kind(StrEnum):
    """What a symbol stands for."""

    TEXT = "text"
    AT = "@"
    DOT = "."
    UNDERSCORE = "_"
    DASH = "-"
    PLUS = "+"
    LEAD = "lead"
    SPELLS = "spells"
    RESTART = "restart"


SEPARATORS = frozenset({Kind.DOT, Kind.UNDERSCORE, Kind.DASH, Kind.PLUS})


@dataclass(frozen=True, slots=True)
class Symbol:
    """A piece of an address, or a word about it."""

    kind: Kind
    text: str = ""
    """Of TEXT: letters and digits. Of words about it: the phrase itself, for when it turns out to be a name."""
    spelled: bool = False
    """Said letter by letter."""
    written: bool = False
    """Part of something the recogniser already wrote as an address."""
    letter: str = ""
    """The letter this word may stand for, if its neighbours are spelled too."""
    alphabet: bool = False
    """`letter` comes from the spelling alphabet."""

    @property
    def is_letter(self) -> bool:
        """One letter or digit said alone."""
        return self.kind is Kind.TEXT and self.spelled

    def as_letter(self) -> Symbol:
        """The letter this word stands for."""
        return replace(self, text=self.letter, spelled=True, letter="")


def plain(text: str) -> str:
    """Lower case, without accents and apostrophes, and with one kind of dash."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    bare = re.sub(r"[‐‑‒]", "-", bare)
    bare = re.sub(r"[–—…]", " ", bare)
    return re.sub(r"(?<=\w)['’`´](?=\w)", "", bare).replace("e-mail", "email").replace("e mail", "email")


_HYPHEN_SPELLED = re.compile(r"(?<![\w@.-])[a-z0-9](?:-[a-z0-9]){2,}(?![\w@-])")
_DOT_SPELLED = re.compile(r"(?<![\w@.-])(?:[a-z]\.){2,}[a-z]?(?![\w@])")
_PIECES = re.compile(r"[^\W_]+|[@._+-]")
_EDGES = ",;:!?\"'()[]{}<>“”„«»*"
_KIND_OF_TABLE = {
    "at": Kind.AT,
    "dot": Kind.DOT,
    "underscore": Kind.UNDERSCORE,
    "dash": Kind.DASH,
    "plus": Kind.PLUS,
    "spells": Kind.SPELLS,
    "leads": Kind.LEAD,
    "restarts": Kind.RESTART,
}
_KIND_OF_SIGN = {"@": Kind.AT, ".": Kind.DOT, "_": Kind.UNDERSCORE, "-": Kind.DASH, "+": Kind.PLUS}


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    written: bool
    """Came out of one word together with signs, as in `jane.doe@example.com`."""


def _tokens(text: str, words: SpellingWords) -> list[_Token]:
    text = _HYPHEN_SPELLED.sub(lambda found: found.group().replace("-", " "), text)
    text = _DOT_SPELLED.sub(lambda found: found.group().replace(".", " "), text)
    tokens = []
    for chunk in text.split():
        word = re.sub(r"-{2,}", "", chunk.strip(_EDGES))
        while word.endswith(".") or (word.endswith(tuple(_EDGES)) and word):
            word = word[:-1]
        if word.replace("-", "") in words.alphabet:  # x-ray
            word = word.replace("-", "")
        pieces = _PIECES.findall(word)
        written = len(pieces) > 1
        tokens += [_Token(piece, written) for piece in pieces]
    return tokens


class _Reader:
    """Walks over the tokens once, longest phrase first."""

    def __init__(self, tokens: list[_Token], words: SpellingWords) -> None:
        self._tokens = tokens
        self._words = words
        self._at = 0
        self._seen_at = False
        self._after_dot = False

    def read(self) -> Iterator[Symbol]:
        while self._at < len(self._tokens):
            symbol = self._next()
            if symbol is None:
                continue
            self._seen_at = self._seen_at or symbol.kind is Kind.AT
            self._after_dot = symbol.kind is Kind.DOT
            yield symbol

    def _next(self) -> Symbol | None:
        """The next symbol, or None for a word without meaning here. Moves on by at least one token."""
        token = self._tokens[self._at]
        if token.text in _KIND_OF_SIGN:
            self._at += 1
            return Symbol(_KIND_OF_SIGN[token.text], token.text, written=token.written)
        if token.written:
            self._at += 1
            return Symbol(Kind.TEXT, token.text, written=True)
        if self._seen_at and self._after_dot and token.text in COUNTRY_WORDS:
            self._at += 1
            return Symbol(Kind.TEXT, token.text)
        return self._explained() or self._repeated() or self._double_u() or self._phrase_or_text()

    def _words_from(self, start: int, count: int) -> str:
        taken = self._tokens[start : start + count]
        if len(taken) < count or any(token.written for token in taken):
            return ""
        return " ".join(token.text for token in taken)

    def _find(self, index: PhraseIndex, start: int) -> tuple[int, str]:
        """The longest phrase that begins at `start`: its length in words and its table, or 0."""
        if start >= len(self._tokens) or self._tokens[start].written:
            return 0, ""
        for parts, table in index.get(self._tokens[start].text, ()):
            end = start + len(parts)
            if end <= len(self._tokens) and all(
                token.text == part and not token.written
                for token, part in zip(self._tokens[start:end], parts, strict=True)
            ):
                return len(parts), table
        return 0, ""

    def _letter_at(self, start: int) -> tuple[str, int]:
        """A letter said at `start`, however it was written, and its length in words."""
        word = self._words_from(start, 1)
        if self._words_from(start, 2) in self._words.double_letter_w:
            return "w", 2
        if len(word) == 1:
            return word, 1
        if word in self._words.letter_sounds:
            return self._words.letter_sounds[word], 1
        return "", 0

    def _explained(self) -> Symbol | None:
        """`b as in bravo`: when letter and word differ, the longer word was heard better."""
        letter, length = self._letter_at(self._at)
        after = self._at + length
        between, table = self._find(self._words.explanations, after)
        word = self._words_from(after + between, 1) if between else ""
        if table == "explains" and word.isalpha():
            self._at = after + between + 1
            return Symbol(Kind.TEXT, word[0], spelled=True)
        if letter and len(word) > 2 and word.startswith(letter) and not self._is_number(word):
            self._at = after + between + 1
            return Symbol(Kind.TEXT, letter, spelled=True)
        return None

    def _repeated(self) -> Symbol | None:
        """`double l`, `triple five`; `double u` is a letter of its own."""
        times = self._words.repeats.get(self._words_from(self._at, 1), 0)
        if not times or self._words_from(self._at, 2) in self._words.double_letter_w:
            return None
        following = self._words_from(self._at + 1, 1)
        if following in self._words.units:
            character = str(self._words.units[following])
        elif following == "oh" or (following.isdigit() and len(following) == 1):
            character = "0" if following == "oh" else following
        else:
            character, length = self._letter_at(self._at + 1)
            if length > 1:
                return None
            character = character or (self._words.alphabet.get(following) or "")
        if not character:
            return None
        self._at += 2
        return Symbol(Kind.TEXT, character * times, spelled=True)

    def _double_u(self) -> Symbol | None:
        if self._words_from(self._at, 2) not in self._words.double_letter_w:
            return None
        self._at += 2
        return Symbol(Kind.TEXT, "w", spelled=True)

    def _phrase_or_text(self) -> Symbol | None:
        longest, table = self._find(self._words.phrases, self._at)
        if longest:
            phrase = self._words_from(self._at, longest)
            self._at += longest
            kind = _KIND_OF_TABLE.get(table)
            return None if kind is None else Symbol(kind, phrase.replace(" ", ""))
        if self._words_from(self._at, 1) in self._words.letter_sizes and self._letter_at(self._at + 1)[1]:
            self._at += 1
            return None
        return self._number() or self._text()

    def _is_number(self, word: str) -> bool:
        return word in self._words.units or word in self._words.teens or word in self._words.tens

    def _number(self) -> Symbol | None:
        """Number words, as people say years and house numbers: `nineteen eighty six`, `one hundred`."""
        word = self._words_from(self._at, 1)
        words = self._words
        if word in words.tens:
            value = words.tens[word]
            unit = words.units.get(self._words_from(self._at + 1, 1), 0)
            self._at += 2 if unit else 1
            return Symbol(Kind.TEXT, str(value + unit), spelled=True)
        if word in words.teens:
            self._at += 1
            return Symbol(Kind.TEXT, str(words.teens[word]), spelled=True)
        if word in words.units:
            hundreds = self._words_from(self._at + 1, 1) in words.hundred
            self._at += 2 if hundreds else 1
            return Symbol(Kind.TEXT, str(words.units[word] * (100 if hundreds else 1)), spelled=True)
        return None

    def _text(self) -> Symbol:
        word = self._tokens[self._at].text
        self._at += 1
        if len(word) == 1:
            return Symbol(Kind.TEXT, word, spelled=True)
        if word.isdigit():
            return Symbol(Kind.TEXT, word, spelled=True)
        if word in self._words.alphabet:
            return Symbol(Kind.TEXT, word, letter=self._words.alphabet[word], alphabet=True)
        sound = self._words.letter_sounds.get(word) or self._words.digit_sounds.get(word, "")
        return Symbol(Kind.TEXT, word, letter=sound)


def symbols(text: str, words: SpellingWords) -> list[Symbol]:
    """What `text` says, in order, with words turned into letters where their neighbours are spelled."""
    found = list(_Reader(_tokens(plain(text[-LONGEST:]), words), words).read())
    result: list[Symbol] = []
    start = 0
    while start < len(found):
        end = start
        while end < len(found) and found[end].kind is Kind.TEXT:
            end += 1
        result += _decoded(found[start:end], words)
        if end < len(found):
            result.append(found[end])
        start = end + 1
    return result


def _decoded(run: list[Symbol], words: SpellingWords) -> list[Symbol]:
    """A run of texts without a sign between them, with its words as letters where they are meant so."""
    letters = sum(symbol.is_letter for symbol in run)
    named = [symbol for symbol in run if symbol.alphabet]
    told = letters + len(named)
    is_alphabet = (len(named) >= 2 and told * 2 >= len(run) and (len(run) > 2 or not _all_names(named, words))) or (
        len(named) == 1 and letters >= 2
    )
    if is_alphabet:
        run = [symbol.as_letter() if symbol.alphabet else symbol for symbol in run]
        letters = told
    run = _with_zeros(run)
    if letters >= 2 and letters * 2 >= len(run):
        run = [symbol.as_letter() if _sounds_like_letter(symbol) else symbol for symbol in run]
    return run


def _all_names(named: list[Symbol], words: SpellingWords) -> bool:
    return all(symbol.text in words.names_in_alphabet for symbol in named)


def _sounds_like_letter(symbol: Symbol) -> bool:
    return bool(symbol.letter) and not symbol.alphabet and not symbol.spelled


def _with_zeros(run: list[Symbol]) -> list[Symbol]:
    """O beside a digit is a zero, unless it belongs to the letters before it."""

    def is_digit(position: int) -> bool:
        return 0 <= position < len(run) and run[position].text.isdigit()

    def is_zero(position: int) -> bool:
        if run[position].text == "oh":
            return is_digit(position - 1) or is_digit(position + 1)
        after_letter = position > 0 and run[position - 1].is_letter and not is_digit(position - 1)
        return run[position].text == "o" and is_digit(position + 1) and not after_letter

    return [
        replace(symbol, text="0", spelled=True) if is_zero(position) else symbol for position, symbol in enumerate(run)
    ]
