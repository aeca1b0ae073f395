"""`library`: the pages of the guide: which there are, and their HTML.

- The pages are the repository's own Markdown, linked into this package, so that there is one text.
- Served is what partners read: everything below `docs/partners` and `docs/standard`, and the pages
  of `ALSO`. A link between served pages leads to the served page; any other link that leads into
  the repository is shown as small text.
- Sample programs of `SAMPLES` are served as they are, beside the pages that name them.
- Raw HTML in a page is shown and not interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from posixpath import normpath
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

PATH = "/guide"
HOME = Path(str(files("hub.guide")))
FOLDERS = ("partners", "standard")
ALSO = ("errors.md", "glossary.md")
SAMPLES = "partners/samples"
SECURITY = "SECURITY"
"""Name of the page on security, whose file stands beside `docs`."""
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_SCROLLING = (
    ("<table>", '<div class="scroll" tabindex="0"><table>'),
    ("</table>", "</table></div>"),
    ("<pre>", '<pre tabindex="0">'),
)
_NO_WORD = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True)
class GuidePage:
    """One page: its name in addresses, its title, its file."""

    name: str
    title: str
    file: Path

    @property
    def path(self) -> str:
        """Return its address on the hub."""
        return f"{PATH}/{self.name}"

    @property
    def home(self) -> str:
        """Return the folder that its relative links start from, seen from the repository's root."""
        return self.file.parent.relative_to(HOME).as_posix()


@cache
def pages() -> Mapping[str, GuidePage]:
    """Return every page by its name, in the order in which they are listed."""
    docs = HOME / "docs"
    found = [path for name in FOLDERS for path in sorted((docs / name).rglob("*.md"), key=_rank)]
    named = [(path.relative_to(docs), path) for path in (*found, *(docs / name for name in ALSO))]
    listed = {_name(relative): path for relative, path in named}
    listed[SECURITY] = HOME / f"{SECURITY}.md"
    return {name: GuidePage(name, _title(path), path) for name, path in listed.items()}


@cache
def samples() -> Mapping[str, Path]:
    """Return every sample program by its name in addresses, which is its path below `docs`."""
    folder = HOME / "docs" / SAMPLES
    files_there = (path for path in sorted(folder.iterdir()) if path.is_file())
    return {f"{SAMPLES}/{path.name}": path for path in files_there if path.suffix != ".md"}


@cache
def html_of(name: str) -> str:
    """Return the body of a page as HTML; KeyError when there is no such page."""
    page = pages()[name]
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(page.file.read_text("utf-8"))
    _name_headings(tokens)
    for token in tokens:
        if token.children:
            token.children = list(_linked(token.children, page))
    rendered: str = markdown.renderer.render(tokens, markdown.options, {})
    # What scrolls can be reached by keyboard.
    for plain, reached in _SCROLLING:
        rendered = rendered.replace(plain, reached)
    return rendered


def _name(relative: Path) -> str:
    text = relative.with_suffix("").as_posix()
    return text.removesuffix("/README")


def _rank(path: Path) -> tuple[int, Path]:
    """Put what a folder holds itself before its subfolders."""
    return len(path.parts), path


def _title(path: Path) -> str:
    found = _TITLE.search(path.read_text("utf-8"))
    return found[1] if found else path.stem


def _name_headings(tokens: list[Token]) -> None:
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open":
            words = _NO_WORD.sub("", content.content.lower())
            opening.attrSet("id", words.replace(" ", "-"))


def _linked(children: list[Token], page: GuidePage) -> Iterator[Token]:
    """Give the tokens of a line, links led to where they lead on the hub, or small text instead."""
    is_link = True
    for token in children:
        if token.type == "link_open":
            target = _target(str(token.attrGet("href")), page)
            is_link = target is not None
            token.attrs = {"href": target} if target is not None else {}
        if token.type in ("link_open", "link_close") and not is_link:
            token.tag = "small"
        yield token


def _target(href: str, page: GuidePage) -> str | None:
    parts = urlsplit(href)
    if parts.scheme or not parts.path:
        return href
    wanted = normpath(f"{page.home}/{parts.path}")
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    published = wanted.partition("schema/published/")
    if published[1]:
        return f"/standard/{published[2]}{fragment}"
    served = {each.file: each.path for each in pages().values()}
    served |= {file: f"{PATH}/{name}" for name, file in samples().items()}
    path = served.get(HOME / wanted)
    return None if path is None else path + fragment
