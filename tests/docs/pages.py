"""The pages of the documentation as a test reads them: their blocks of code, marks and links.

A block may carry marks, as HTML comments on the lines before it, which a reader does not see:

* `<!-- not run: REASON -->`: nobody runs it here, and why;
* `<!-- exit 2 -->`: the command is refused with this exit code, and its message is what is shown;
* `<!-- refused -->`: the database refuses the statement, and its message is what is shown;
* `<!-- no rows -->`: the query finds nothing in the demo.

A block of `text` that follows shows what the block before it prints; `...` stands for anything.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
RUN: Final = ("sh", "python", "sql")
SHOWN: Final = "text"
# What a page may hold besides: written down, never run.
OTHERS: Final = ("yaml", "json", "toml", "mermaid", "")

_BLOCK: Final = re.compile(
    r"(?P<marks>(?:^<!-- [^\n]+ -->\n)*)^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_MARK: Final = re.compile(r"<!-- (.+?) -->")
_NOT_RUN: Final = re.compile(r"not run: (.{10,})")
_EXIT: Final = re.compile(r"exit ([1-9][0-9]?)")
_LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page. `shown` is what the page says it prints, None if nothing."""

    page: Path
    line: int
    language: str
    text: str
    marks: tuple[str, ...] = ()
    shown: str | None = None

    @property
    def place(self) -> str:
        """Return the page and line, as messages name them."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_run(self) -> bool:
        """Return whether the block is one that a reader can run here."""
        return self.language in RUN and not any(map(_NOT_RUN.fullmatch, self.marks))

    @property
    def exit_code(self) -> int:
        """Return the exit code that the page promises."""
        return next((int(found[1]) for found in map(_EXIT.fullmatch, self.marks) if found), 0)

    @property
    def has_known_marks(self) -> bool:
        """Return whether every mark is one that means something."""
        known = (_NOT_RUN, _EXIT, re.compile("no rows"), re.compile("refused"))
        return all(any(form.fullmatch(mark) for form in known) for mark in self.marks)


def read_page(path: Path) -> str:
    """Return the text of a page."""
    return path.read_text("utf-8")


def read_blocks(path: Path) -> list[Block]:
    """Return the blocks of a page in its order, those that show output with what prints it."""
    text = read_page(path)
    blocks: list[Block] = []
    end = 0
    for found in _BLOCK.finditer(text):
        follows = bool(blocks) and not text[end : found.start()].strip()
        end = found.end()
        if found["language"] == SHOWN and follows:
            blocks[-1] = replace(blocks[-1], shown=found["text"])
            continue
        blocks.append(
            Block(
                page=path,
                line=text.count("\n", 0, found.start("text")) + 1,
                language=found["language"],
                text=found["text"],
                marks=tuple(_MARK.findall(found["marks"])),
            )
        )
    return blocks


def is_shown(expected: str, printed: str) -> bool:
    """Return whether `printed` is what a page shows; `...` stands for anything on the page."""
    pattern = re.escape(_trimmed(expected)).replace(r"\.\.\.", ".*?")
    return re.fullmatch(pattern, _trimmed(printed), re.DOTALL) is not None


def read_links(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the file and the anchor of every link of a page into the project."""
    prose = _BLOCK.sub("", read_page(path))
    for target in _LINK.findall(prose):
        if "://" not in target:
            file, _, anchor = target.partition("#")
            yield file, anchor


def read_anchors(path: Path) -> set[str]:
    """Return the anchors that a page's headings give."""
    headings = _HEADING.findall(_BLOCK.sub("", read_page(path)))
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
