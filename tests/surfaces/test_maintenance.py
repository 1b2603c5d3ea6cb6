"""Strategies recorded without running them, and old charts taken out of the way."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.homes import copy_home
from tests.surfaces.conftest import AS_OF, Run, Terminal

from tapetrail.cli.terminal.words import age_days
from tapetrail.core.errors import InvalidInput
from tapetrail.core.strategy.strategies import parse_strategy, spec_digest, spec_document
from tapetrail.store.private.server import PrivateServer
from tapetrail.strategy_files import bundled_strategy, parse_strategy_text, strategy_text

SWING: Final = "name: swing\ninstruments: [AAPL]\n"


@pytest.fixture(scope="module")
def used(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Terminal]:
    """Give a home in which one decision was recorded; its charts are 100 days old."""
    folder = tmp_path_factory.mktemp("maintenance")
    terminal = Terminal(home=folder / "home")
    copy_home(prepared_home, terminal.home)
    strategy = folder / "swing.yaml"
    strategy.write_text(SWING, encoding="utf-8")
    assert terminal.run("db", "start").code == 0
    assert terminal.run("run", str(strategy), "--as-of", AS_OF).code == 0
    execute(terminal, "UPDATE tapetrail.charts SET generated_at = generated_at - interval '100 d'")
    yield terminal
    terminal.run("db", "stop")


@contextmanager
def used_database(terminal: Terminal) -> Generator[psycopg.Connection]:
    address = PrivateServer(home=terminal.home).address_if_running()
    assert address is not None
    with closing(psycopg.connect(address.libpq_url("postgres"))) as connection:
        yield connection


def execute(terminal: Terminal, statement: str) -> None:
    """Run a statement as somebody whom no trigger stops."""
    with used_database(terminal) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue] # words of this test
        connection.commit()


@pytest.fixture
def there(used: Terminal, call: Run) -> Run:
    """Return what runs a command on the used home."""

    def run(*words: str, **environment: str) -> object:
        return call(*words, TAPETRAIL_HOME=str(used.home), **environment)

    return run  # pyright: ignore[reportReturnType] # the same answer


@pytest.mark.service
def test_a_strategy_is_recorded_once_and_numbered(there: Run, tmp_path: Path) -> None:
    file = tmp_path / "numbered.yaml"
    file.write_text("name: numbered\ninstruments: [IBM]\n", encoding="utf-8")
    first = there("strategies", "apply", str(file))
    assert (first.code, first.out, first.err) == (0, "numbered@1\n", "recorded\n")
    again = there("strategies", "apply", str(file))
    assert (again.out, again.err) == ("numbered@1\n", "already there; nothing was changed\n")
    file.write_text("name: numbered\ninstruments: [IBM, AAPL]\n", encoding="utf-8")
    other = json.loads(there("strategies", "apply", str(file), "--json").out)
    assert other["is_new"] is True
    assert (other["strategy"]["version"], other["strategy"]["executions"]) == (2, 0)
    file.write_text("name: numbered\nversion: 1\ninstruments: [FB]\n", encoding="utf-8")
    refused = there("strategies", "apply", str(file))
    assert refused.code == 2
    assert refused.err.splitlines()[0] == (
        "Error: strategy numbered version 1 is already recorded with another content"
    )


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ("source: smaple", 3, "no source 'smaple'|did you mean sample?"),
        ("analyst: builtin:technical-rules", 3,
         "no analyst 'builtin:technical-rules'|did you mean builtin:technical-rules-v1?"),
        ("shadows: [nobody:at-all]", 3, "no analyst 'nobody:at-all'|known is builtin"),
        ("shadows: [builtin:technical-rules-v1]", 2,
         "{file}: shadows: builtin:technical-rules-v1 is"),
    ],
)  # fmt: skip
def test_what_a_run_would_refuse_is_not_applied(
    *, more: str, code: int, said: str, call: Run, tmp_path: Path
) -> None:
    file, home = tmp_path / "s.yaml", tmp_path / "home"
    file.write_text(f"name: s\ninstruments: [IBM]\n{more}\n", encoding="utf-8")
    refused = call("strategies", "apply", str(file), TAPETRAIL_HOME=str(home))
    assert refused.code == code
    expected = said.format(file=file).replace("|", "\n  ")
    assert refused.err.startswith(f"Error: {expected}")
    assert not home.exists()


@pytest.mark.service
def test_an_applied_strategy_is_the_one_that_a_run_takes(there: Run, tmp_path: Path) -> None:
    file = tmp_path / "swing.yaml"
    file.write_text(SWING, encoding="utf-8")
    assert there("strategies", "apply", str(file)).err == "already there; nothing was changed\n"
    (row,) = [
        row
        for row in json.loads(there("strategies", "list", "--json").out)["data"]
        if row["name"] == "swing"
    ]
    assert (row["version"], row["executions"]) == (1, 1)
    assert row["first_run_at"].endswith("Z")
    listed = there("strategies").out.splitlines()
    assert listed[0].split() == ["id", "name", "version", "first", "run", "executions", "digest"]
    assert any(row["spec_digest"] in line for line in listed)


@pytest.mark.service
def test_a_shown_strategy_can_be_run_again_and_is_the_same(there: Run, tmp_path: Path) -> None:
    shown = there("strategies", "show", "swing@1")
    assert shown.out == there("strategies", "show", "swing").out
    file = tmp_path / "again.yaml"
    file.write_text(shown.out, encoding="utf-8")
    assert there("strategies", "apply", str(file)).err == "already there; nothing was changed\n"
    document = json.loads(there("strategies", "show", "swing", "--json").out)
    assert document["spec"]["analyst"] == "builtin:technical-rules-v1"


@pytest.mark.service
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("swung", 3, "no strategy 'swung'|did you mean swing?"),
        ("swing@7", 3, "no version 7 of strategy swing|there are: 1"),
        ("swing@", 2, "strategy 'swing@': expected NAME or NAME@VERSION, such as swing@2"),
        ("swing@0", 2, "strategy 'swing@0': expected NAME or NAME@VERSION, such as swing@2"),
    ],
)
def test_a_strategy_that_is_not_there_is_named_with_what_is(
    *, words: str, code: int, message: str, there: Run
) -> None:
    answer = there("strategies", "show", words)
    assert answer.code == code
    assert answer.err.startswith("Error: " + message.replace("|", "\n  "))


def test_nothing_is_begun_by_asking_for_strategies(call: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert call("strategies", "list", TAPETRAIL_HOME=str(home)).code == 3
    assert call("strategies", "apply", "no.yaml", TAPETRAIL_HOME=str(home)).code == 3
    assert not home.exists()


@given(symbol=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=32))
def test_any_symbol_is_written_so_that_it_reads_back(symbol: str) -> None:
    content = {**spec_document(bundled_strategy()), "instruments": [symbol]}
    spec = parse_strategy(content, place="here")
    text = strategy_text({**spec_document(spec), "version": 3})
    read = parse_strategy_text(text, place="there")
    assert text.isascii()
    assert read.version == 3
    assert spec_digest(read) == spec_digest(spec)


def test_a_key_of_a_later_release_is_written_after_the_known_ones() -> None:
    text = strategy_text({"later": "yes", "name": "x"})
    assert text == 'name: x\nlater: "yes"\n'


@pytest.mark.parametrize(("text", "days"), [("1d", 1), ("90d", 90), ("12w", 84), ("36500d", 36500)])
def test_an_age_is_days_or_weeks(text: str, days: int) -> None:
    assert age_days(text, "--older-than") == days


@pytest.mark.parametrize(
    "text", ["", "90", "0d", "-1d", "1.5d", "3m", "1y", "90 d", "90D", "6000w"]
)
def test_any_other_age_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(InvalidInput, match="expected days or weeks such as 90d or 12w"):
        age_days(text, "--older-than")


@pytest.mark.service
def test_charts_are_archived_after_asking_and_stay_readable(
    there: Run, used: Terminal, tmp_path: Path
) -> None:
    dry = there("archive", "--dry-run")
    assert dry.code == 0
    assert dry.out.startswith("would archive 2 charts generated ")
    assert json.loads(there("archive", "--dry-run", "--json").out)["charts"] == 2
    assert there("archive", "--older-than", "101d").out == "no active chart is older than 101d\n"

    refused = used.run("archive")
    assert refused.code == 2
    assert "nobody is there to say yes, and --yes was not given" in refused.err
    assert answered(used, "no\n") == 1
    assert there("charts", "list", "--status", "archived", "--json").out.count('"id"') == 0

    assert answered(used, "y\n") == 0
    again = json.loads(there("archive", "--yes", "--json", TAPETRAIL_ACTOR="ann").out)
    assert (again["charts"], again["archived"], again["actor"]) == (0, 0, "ann")
    listed = json.loads(there("charts", "list", "--status", "archived", "--json").out)["data"]
    assert len(listed) == 2
    shown = json.loads(there("charts", "show", str(listed[0]["id"]), "--json").out)
    assert shown["status"] == "archived"
    image = tmp_path / "chart.jpg"
    assert there("charts", "save", str(listed[0]["id"]), "-o", str(image)).code == 0
    assert image.stat().st_size > 0


KILLED: Final = """
import os, signal, sys
from pathlib import Path
from tapetrail import bootstrap
from tapetrail.persistence import ChartPersistenceService
from tapetrail.settings import read_settings

settings = read_settings(os.environ, working_folder=Path.cwd())
blobs = bootstrap.process(settings).open_blobs()
with bootstrap.open_access(settings) as access:
    with access.writing() as session:
        charts = ChartPersistenceService(session, blobs=blobs, clock=bootstrap.utc_now)
        assert len(charts.archive_old_charts(actor="killed", limit=1)) == 1
        if sys.argv[1] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.service
def test_an_archive_that_is_killed_has_archived_whole_batches_and_goes_on(
    there: Run, used: Terminal
) -> None:
    execute(used, "DELETE FROM tapetrail.chart_archivals")
    execute(used, "UPDATE tapetrail.charts SET status = 'active'")
    for when, archived in (("before", 0), ("after", 1)):
        words = [sys.executable, "-c", KILLED, when]
        ended = subprocess.run(words, env=used.environment(), check=False)
        assert ended.returncode == -signal.SIGKILL
        listed = json.loads(there("charts", "list", "--status", "archived", "--json").out)["data"]
        assert len(listed) == archived
    done = json.loads(there("archive", "--yes", "--json").out)
    assert (done["charts"], done["archived"]) == (1, 1)
    with used_database(used) as connection:
        rows = connection.execute("SELECT chart_id, to_status FROM tapetrail.chart_archivals")
        assert sorted(rows) == [(1, "archived"), (2, "archived")]


def answered(terminal: Terminal, words: str) -> int:
    """Return the exit code of an archive at a terminal where somebody answers."""
    controller, worker = pty.openpty()
    os.write(controller, words.encode())
    ended = subprocess.run(
        terminal.command("archive"),
        env=terminal.environment(),
        stdin=worker,
        capture_output=True,
        check=False,
    )
    os.close(worker)
    os.close(controller)
    assert b"archive 2 charts generated" in ended.stderr
    return ended.returncode
