"""HTML, and Markdown that may hold HTML, to Markdown that says only what a reader of the page would see.

Scripts, styles, frames, comments, hidden elements and images are left out; of links the text stays, and the address
when it is a web or mail address. Everything else that looks like markup in the text is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser, LexborNode

from shared.errors import Invalid
from shared.security.foreign_text import clean, one_line

DEEPEST = 200
"""Elements inside each other. A page has about twenty levels; a parser's time grows with the square of the depth."""
MOST_TAGS = 100_000
"""Of a document. What deceives the look at the depth nests at most half as deep: three seconds of the parser."""
_RENDERER = MarkdownIt("commonmark", {"html": True}).enable("table")


def _names(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


NEVER_SHOWN = _names(
    "script style template noscript iframe frame frameset object embed applet svg math canvas audio video picture"
    " source track img map area input select option textarea button progress meter dialog head title meta link base"
)
BLOCKS = _names(
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form header"
    " hr html legend li main menu nav ol p pre section summary table tbody td tfoot th thead tr ul h1 h2 h3 h4 h5 h6"
)
HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6, "summary": 5}
"""What opens a section. An accordion's summary is the question that its details answer."""
VOID = _names("area base br col embed hr img input link meta param source track wbr")
"""Elements that hold nothing."""
REPEATED = _names("p li td th tr dt dd option")
"""Elements that the next one of their name closes, inside the same list or table."""
LISTS = _names("ul ol dl table select")

_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")
_HIDING_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0*(?:\.0+)?(?:px|pt|em|rem|%)?\s*(?:;|!|$)"
    r"|opacity\s*:\s*0*(?:\.0+)?\s*(?:;|!|$)|(?:text-indent|left|top|margin-left)\s*:\s*-\d{3,}"
    r"|clip\s*:\s*rect\(\s*0",
    re.IGNORECASE,
)
_WHITE = r"(?:#fff(?:fff)?\b|white\b|rgba?\(\s*255\s*,\s*255\s*,\s*255)"
_WHITE_TEXT = re.compile(rf"(?:^|;)\s*color\s*:\s*{_WHITE}", re.IGNORECASE)
_BACKGROUND = re.compile(r"background(?:-color|-image)?\s*:\s*(?P<value>[^;]+)", re.IGNORECASE)
_TRANSPARENT = re.compile(r"(?:^|;)\s*color\s*:\s*transparent", re.IGNORECASE)
_SPECIAL = re.compile(r"([\\`*_\[\]<&|~])")
_LINE_START = re.compile(r"^(\s*)(?:(#{1,6}(?=\s|$)|[+=-](?=[\s=-]|$)|>)|(\d{1,9})([.)])(?=\s|$))", re.MULTILINE)
_LINK = re.compile(r"^(?:https?://|mailto:)[^\s<>()\[\]\\]{1,2000}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """What a document says."""

    title: str
    """Of its head, not of its text; empty when it has none."""
    heading: str
    """The first heading of the first level, in plain words; empty when it has none."""
    markdown: str


def read_html(html: str) -> Page:
    """The title and the visible text: headings, paragraphs, lists, tables, code, links.

    Raises Invalid when the document is built to exhaust a parser rather than to be read.
    """
    _refuse_many_tags(html)
    return _read(html)


def read_markdown(markdown: str) -> Page:
    """Markdown that may hold raw HTML, as it would be shown: rendered and read back.

    Raises Invalid like `read_html`.
    """
    _refuse_many_tags(markdown)  # of its own; those that the renderer adds are well nested
    return _read(_RENDERER.render(markdown))


def _read(html: str) -> Page:
    _refuse_depth(html)
    tree = LexborHTMLParser(html)
    title, heading, body = tree.css_first("head > title"), tree.css_first("h1"), tree.body
    return Page(
        title="" if title is None else one_line(title.text()),
        heading="" if heading is None else one_line(_as_written(heading, 0)),
        markdown="" if body is None else "\n\n".join(_blocks(body, 0)),
    )


def _refuse_many_tags(text: str) -> None:
    if sum(1 for _ in _TAG.finditer(text)) > MOST_TAGS:
        raise Invalid(f"it has more than {MOST_TAGS:,} elements: split it into several files")


def _refuse_depth(html: str) -> None:
    """A linear look at the nesting, before a parser whose time is quadratic in the depth sees it."""
    inside: list[str] = []
    for found in _TAG.finditer(html):
        name = found[2].lower()
        if name in VOID:
            continue
        within = LISTS if name in REPEATED else frozenset()
        at = _nearest(inside, name, within) if found[1] or name in REPEATED else None
        if at is not None:
            del inside[at:]
        if not found[1]:
            inside.append(name)
        if len(inside) > DEEPEST:
            raise Invalid(f"its elements are nested more than {DEEPEST} deep: simplify the document")


def _nearest(inside: list[str], name: str, within: frozenset[str]) -> int | None:
    """Where the innermost open element of this name stands, not looking beyond any of `within`."""
    for at in range(len(inside) - 1, -1, -1):
        if inside[at] == name:
            return at
        if inside[at] in within:
            return None
    return None


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    style = attributes.get("style") or ""
    if _HIDING_STYLE.search(style) or _TRANSPARENT.search(style):
        return True
    colour = (attributes.get("color") or "").strip().lower()
    white = bool(_WHITE_TEXT.search(style)) or colour in ("white", "#fff", "#ffffff")
    background = _BACKGROUND.search(style)
    return white and (background is None or bool(re.search(_WHITE, background["value"], re.IGNORECASE)))


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        yield child
        child = child.next


def _blocks(node: LexborNode, depth: int) -> Iterator[str]:
    """The blocks inside `node`; runs of words between block elements are paragraphs."""
    words: list[str] = []

    def paragraph() -> Iterator[str]:
        if text := _tidy("".join(words)):
            yield text
        words.clear()

    for child in _children(node):
        if _is_block(child, depth):
            yield from paragraph()
            yield from _block(child, depth + 1)
        else:
            words.append(_inline(child, depth + 1))
    yield from paragraph()


def _is_block(node: LexborNode, depth: int) -> bool:
    """Whether the element opens a block, or is a wrapper around one (as custom elements and spans often are)."""
    if not node.is_element_node or node.tag in NEVER_SHOWN:
        return False
    if node.tag in BLOCKS:
        return True
    return depth < DEEPEST and any(_is_block(child, depth + 1) for child in _children(node))


def _block(node: LexborNode, depth: int) -> Iterator[str]:
    if depth > DEEPEST or _is_hidden(node):
        return
    name = node.tag or ""
    if name in HEADINGS:
        if text := " ".join(_inside(node, depth).split()):
            closed = text.removesuffix("#") + "\\#" if text.endswith("#") else text
            yield f"{'#' * HEADINGS[name]} {closed}"
    elif name in ("ul", "ol", "menu"):
        if text := _list(node, depth):
            yield text
    elif name == "pre":
        if text := clean(_as_written(node, depth)).strip("\n"):
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
            yield f"{fence}\n{text}\n{fence}"
    elif name == "table":
        yield from _table(node, depth)
    else:
        yield from _blocks(node, depth)


def _list(node: LexborNode, depth: int) -> str:
    """Items one below the other; what is inside an item is indented by the width of its mark."""
    start = node.attributes.get("start") or "1"
    number = int(start) if node.tag == "ol" and start.isdecimal() and len(start) < 7 else 1
    items = []
    for child in _children(node):
        if not child.is_element_node or _is_hidden(child):
            continue
        mark = f"{number}." if node.tag == "ol" else "-"
        inside = "\n\n".join(_blocks(child, depth + 1) if child.tag == "li" else _block(child, depth + 1))
        if not inside:
            continue
        indent = "\n" + " " * (len(mark) + 1)
        items.append(f"{mark} {indent.join(inside.splitlines())}")
        number += 1
    return "\n".join(items)


def _table(node: LexborNode, depth: int) -> Iterator[str]:
    """A table of short cells as a table; one used for layout, or holding lists, as its contents one after the other."""
    rows = [row for row in node.css("tr") if not _is_hidden(row)]
    cells = [[cell for cell in _children(row) if cell.tag in ("td", "th") and not _is_hidden(cell)] for row in rows]
    nested = any(
        _is_block(inner, depth) and inner.tag != "p" for row in cells for cell in row for inner in _children(cell)
    )
    if nested or not cells or max(len(row) for row in cells) < 2:
        for row in cells:
            for cell in row:
                yield from _blocks(cell, depth + 1)
        return
    width = max(len(row) for row in cells)
    lines = [[_cell(cell, depth) for cell in row] for row in cells]
    has_head = all(cell.tag == "th" for cell in cells[0])
    head = lines.pop(0) if has_head else []
    lines = [head, ["---"] * width, *lines]
    yield "\n".join("| " + " | ".join([*line, *[""] * (width - len(line))]) + " |" for line in lines)


def _cell(node: LexborNode, depth: int) -> str:
    """One line, in which even code has its bars escaped."""
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(" ".join(_blocks(node, depth + 1)).split()))


def _inside(node: LexborNode, depth: int) -> str:
    return "".join(_inline(child, depth) for child in _children(node))


def _inline(node: LexborNode, depth: int) -> str:
    """Words of a line, escaped; line breaks where the page has them."""
    if node.is_text_node:
        return _escaped(node.text_content or "")
    if not node.is_element_node or depth > DEEPEST or node.tag in NEVER_SHOWN or _is_hidden(node):
        return ""
    if node.tag == "br":
        return "\n"
    if node.tag == "code" and (code := " ".join(clean(_as_written(node, depth)).split())):
        mark = "`" * (1 + max((len(run) for run in re.findall(r"`+", code)), default=0))
        edge = " " if code.startswith("`") or code.endswith("`") else ""
        return f"{mark}{edge}{code}{edge}{mark}"
    inside = _inside(node, depth + 1)
    address = (node.attributes.get("href") or "").strip() if node.tag == "a" else ""
    if inside.strip() and _LINK.match(address):
        return f"[{' '.join(inside.split())}]({address})"
    return inside


def _as_written(node: LexborNode, depth: int) -> str:
    """The visible text, with its own spaces and line breaks and nothing escaped."""
    if node.is_text_node:
        return node.text_content or ""
    if not node.is_element_node or depth > DEEPEST or node.tag in NEVER_SHOWN or _is_hidden(node):
        return ""
    if node.tag == "br":
        return "\n"
    return "".join(_as_written(child, depth + 1) for child in _children(node))


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", re.sub(r"\s+", " ", clean(text)))


def _tidy(text: str) -> str:
    """One paragraph: no blank lines inside, nothing at a line's start that Markdown would take for a block."""
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return _LINE_START.sub(_harmless_start, "\n".join(line for line in lines if line))


def _harmless_start(found: re.Match[str]) -> str:
    if found[2]:
        return f"{found[1]}\\{found[2]}"
    return f"{found[1]}{found[3]}\\{found[4]}"
