"""What each command prints, on a terminal and in a pipe."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psycopg
import pytest
from pypdfium2 import PdfDocument
from tests.edges.waiting import wait_for
from tests.homes import copy_home
from tests.surfaces.conftest import AS_OF, Recorded, Run, Terminal
from typer.main import get_command

from tapetrail import __version__
from tapetrail.cli.app import command_tree
from tapetrail.core.blob_keys import object_key
from tapetrail.core.canonical import Digest, digest_bytes

pytestmark = pytest.mark.service
RESOURCES = ("executions", "decisions", "charts", "analyses", "signals")
HEAVY = ("alembic", "dbos", "numpy", "pandas", "pypdfium2", "rich", "talib")


def test_a_run_prints_one_json_document_and_says_how_far_it_is_beside_it(
    recorded: Recorded,
) -> None:
    document = json.loads(recorded.ran.out)
    assert document["status"] == "completed_with_errors"
    assert document["as_of"] == f"{AS_OF}T20:00:00.000000Z"
    assert [row["status"] for row in document["decisions"]] == ["completed", "failed"]
    assert recorded.ran.code == 1
    assert recorded.ran.err.splitlines()[-1] == "2 of 2 decisions"


def test_the_address_of_a_started_server_is_all_that_is_printed(
    recorded: Recorded, ask: Run
) -> None:
    (address,) = recorded.started.out.splitlines()
    assert recorded.started.err == "the server stays up until: tapetrail db stop\n"
    with psycopg.connect(address) as connection:
        (found,) = connection.execute("SELECT count(*), current_user FROM tapetrail.decisions")
        assert found == (2, "tapetrail_reader")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM tapetrail.decisions")
    assert ask("db", "url").out == f"{address}\n"
    assert ask("db", "start").out == f"{address}\n"
    owner = ask("db", "url", "--role", "owner").out.strip()
    with psycopg.connect(owner) as connection:
        assert connection.info.user == "tapetrail_owner"


def test_the_schema_is_named_by_its_version(ask: Run) -> None:
    current = ask("db", "current").out
    assert ask("db", "upgrade").out == f"schema {current}"


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_list_is_a_table_for_people_and_a_document_for_programs(resource: str, ask: Run) -> None:
    table, document = ask(resource, "list"), ask(resource, "list", "--json")
    rows = json.loads(document.out)["data"]
    lines = table.out.splitlines()
    assert [int(line.split()[0]) for line in lines[1:]] == [row["id"] for row in rows]
    assert max(map(len, lines)) <= 140
    assert table.err == document.err == ""
    assert ask(resource).out == table.out


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("decisions --symbol FB", [2]),
        ("decisions --status failed", [2]),
        ("decisions --timeframe 1w --execution 1", [2, 1]),
        ("executions --symbol FB --status completed_with_errors", [1]),
        ("analyses --status failed --symbol FB --timeframe 1w", None),
        ("signals --symbol AAPL --timeframe 1d --execution 1", [1]),
        ("charts --status active --timeframe 1w", None),
    ],
)
def test_filters_narrow_a_list(words: str, ids: list[int] | None, ask: Run) -> None:
    resource, *filters = words.split()
    rows = json.loads(ask(resource, "list", *filters, "--json").out)["data"]
    assert rows
    assert ids is None or [row["id"] for row in rows] == ids
    for name, value in zip(filters[::2], filters[1::2], strict=True):
        column = name.removeprefix("--")
        assert {row[column] for row in rows if column in row} <= {value}


def test_a_chart_leads_to_what_read_it(ask: Run) -> None:
    (chart, *_) = json.loads(ask("charts", "list", "--symbol", "AAPL", "--json").out)["data"]
    number = str(chart["id"])
    for resource in ("decisions", "charts", "analyses"):
        rows = json.loads(ask(resource, "list", "--chart", number, "--json").out)["data"]
        assert rows
        assert {row.get("symbol") for row in rows} == {"AAPL"}


def test_a_list_says_how_it_goes_on(ask: Run) -> None:
    first = ask("decisions", "list", "--limit", "1")
    cursor = first.err.split()[-1]
    assert first.err == f"more follow: --all, or with the same filters --cursor {cursor}\n"
    second = ask("decisions", "list", "--limit", "1", "--cursor", cursor)
    assert [answer.out.splitlines()[1].split()[0] for answer in (first, second)] == ["2", "1"]
    assert second.err == ""
    elsewhere = ask("charts", "list", "--cursor", cursor)
    assert elsewhere.code == 2
    assert "another list" in elsewhere.err


def test_an_empty_list_names_what_was_asked(ask: Run) -> None:
    answer = ask("decisions", "list", "--symbol", "IBM", "--status", "failed")
    assert (answer.code, answer.out) == (0, "")
    assert answer.err == "no decisions with --symbol IBM --status failed\n  without --symbol: 1\n"
    assert json.loads(ask("signals", "list", "--symbol", "IBM", "--json").out)["data"] == []


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_row_is_shown_whole_and_as_a_document(resource: str, ask: Run) -> None:
    shown, document = (
        ask(resource, "show", "1"),
        json.loads(ask(resource, "show", "1", "--json").out),
    )
    assert document["id"] == 1
    assert "{" not in shown.out
    assert document["record_digest"] in shown.out
    assert shown.out.splitlines()[0].split()[1] == "1:"


def test_a_failed_decision_says_why_at_the_top(ask: Run) -> None:
    lines = ask("decisions", "show", "2").out.splitlines()
    assert lines[0] == f"decision 2: FB as of {AS_OF} 20:00Z, failed"
    assert lines[1] == "  failed in analysis: too_few_bars"
    assert "need" in lines[2]
    execution = ask("executions", "show", "1").out.splitlines()
    assert execution[1:3] == ["  1 of 2 decisions failed", "  FB: failed in analysis: too_few_bars"]


def test_a_completed_decision_and_its_signal_say_why_at_the_top(ask: Run) -> None:
    signal = json.loads(ask("signals", "show", "1", "--json").out)
    decision = ask("decisions", "show", "1").out.splitlines()
    assert decision[1].strip() == signal["signal_type"]
    assert f"confidence {signal['confidence']}" in decision[2]
    assert decision[3].strip() == signal["reasoning"]
    shown = ask("signals", "show", "1").out
    assert signal["reasoning"] in shown
    for link in ("execution_id", "decision_id", "chart_id", "llm_analysis_id"):
        assert any(line.split() == [link, str(signal[link])] for line in shown.splitlines())


def test_an_analysis_shows_its_reasoning_then_its_rules(ask: Run) -> None:
    document = json.loads(ask("analyses", "show", "1", "--json").out)
    lines = ask("analyses", "show", "1").out.splitlines()
    assert lines[1].strip() == document["response_json"]["reasoning"]
    start = lines.index("rules:") + 2
    names = [rule["name"] for rule in document["response_json"]["rules"]]
    assert [line.split()[0] for line in lines[start : start + len(names)]] == names


def test_a_chart_is_saved_as_image_page_and_print(
    ask: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    signal = json.loads(ask("signals", "--json").out)["data"][0]
    number = str(signal["chart_id"])
    assert ask("charts", "save", number, "--format", "html").code == 0
    assert ask("charts", "save", number, "-o", "printed.PDF").code == 0
    assert ask("charts", "save", number, "-o", "odd", "--format", "pdf").code == 0
    columns = json.loads(ask("charts", "show", number, "--json").out)
    page = (tmp_path / f"chart-{number}.html").read_bytes()
    assert digest_bytes(page) != columns["html_digest"]
    whole = ask("charts", "save", number, "-o", "whole.html", "--recorded")
    recorded_page = (tmp_path / "whole.html").read_bytes()
    assert digest_bytes(recorded_page) == columns["html_digest"]
    assert page.startswith(recorded_page)
    assert f"as recorded: {columns['html_digest']}" in whole.err
    again = ask("charts", "save", number, "--format", "html").err.splitlines()
    assert again[1:] == [
        f"recorded: {columns['html_digest']}", f"this file: {digest_bytes(page)}",
    ]  # fmt: skip
    shown = ask("decisions", "show", str(columns["decision_id"]), "--json").out
    (seal,) = json.loads(shown)["seals"]
    assert f"Seal: {seal['seal_digest']}".encode() in page.replace(b"<wbr>", b"")
    printed = (tmp_path / "printed.PDF").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert printed == (tmp_path / "odd").read_bytes()
    text = PdfDocument(printed)[0].get_textpage().get_text_range()
    assert signal["signal_type"] in text
    assert f"Confidence {signal['confidence']}" in text
    assert "the analyst was shown the chart without these marks" in text
    assert seal["seal_digest"] in text
    information = PdfDocument(printed).get_metadata_dict()
    assert information["Author"] == "TapeTrail"
    assert columns["spec_digest"] in information["Subject"]
    unheld = ask("charts", "save", number, "-o", "print.pdf", "--recorded")
    assert unheld.code == 2
    assert "no print is on record" in unheld.err
    refused = ask("charts", "save", number, "-o", "chart.png")
    assert refused.code == 2
    assert f"'chart.png': chart {number} is image/jpeg" in refused.err
    refused = ask("charts", "save", number, "-o", "chart.bmp")
    assert refused.code == 2
    assert "'chart.bmp': expected a name that ends in .jpg" in refused.err


def test_an_opened_chart_is_a_copy_that_the_browser_is_given(
    recorded: Recorded, ask: Run, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {seen}\n', encoding="utf-8")
    browser.chmod(0o755)
    answer = recorded.terminal.run("charts", "open", "1", BROWSER=str(browser))
    path = recorded.terminal.home / "opened" / "chart-1.html"
    assert (answer.code, answer.out) == (0, f"{path}\n"), answer.err
    wait_for(lambda: seen.exists() and seen.read_text() == path.as_uri())
    assert path.stat().st_mode & 0o777 <= 0o644
    without = recorded.terminal.run("charts", "open", "1", BROWSER="/bin/false %s", PATH="/")
    assert without.code == 0
    assert "open that file in one" in without.err
    assert ask("charts", "open", "99").code == 3


def test_a_saved_chart_replaces_what_was_there_whole(
    ask: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ask("charts", "save", "1").err.startswith("saved chart-1.jpg (")
    image = (tmp_path / "chart-1.jpg").read_bytes()
    assert image.startswith(b"\xff\xd8\xff")
    kept = tmp_path / "kept.jpg"
    kept.write_bytes(b"old")
    kept.chmod(0o600)
    (tmp_path / "link.jpg").symlink_to(kept)
    assert ask("charts", "save", "1", "-o", "link.jpg").code == 0
    assert kept.read_bytes() == image
    assert kept.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "link.jpg").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "chart-1.jpg", "kept.jpg", "link.jpg",
    ]  # fmt: skip


def test_status_says_where_the_record_is_and_how_much_it_holds(
    ask: Run, recorded: Recorded
) -> None:
    document = json.loads(ask("status", "--json").out)
    assert document["home"] == str(recorded.terminal.home)
    assert (document["executions"], document["decisions"]) == (1, 2)
    shown = ask("status").out
    assert f"home            {recorded.terminal.home}" in shown
    files = [each for each in (recorded.terminal.home / "blobs").rglob("*") if each.is_file()]
    (vintage,) = json.loads(ask("data", "--json").out)["data"]
    # What was fetched ahead belongs to no decision.
    name = Path(object_key(Digest(vintage["raw_digest"]))).name
    taken = sum(each.stat().st_size for each in files if each.name != name)
    assert document["decision_bytes"] == -(-taken // 2)
    assert document["decisions_left"] == document["free_bytes"] // document["decision_bytes"]
    assert document["days_left"] == document["decisions_left"] * 30 // 2
    assert f"{document['decision_bytes'] / 1e6:.1f} MB" in shown


def test_help_names_commands_examples_and_topics(call: Run) -> None:
    overview = call()
    assert overview.code == 0
    assert overview.out == call("--help").out == call("help").out
    assert "Examples:" in overview.out
    assert call("db").out == call("db", "--help").out == call("help", "db").out
    assert "psql" in call("help", "db", "start").out
    assert "TAPETRAIL_DATABASE_URL" in call("help", "environment").out
    assert call("help", "charts", "save").out == call("charts", "save", "-h").out
    assert call("help", "frobnicate").code == 2


def test_no_line_of_any_help_is_cut_or_wider_than_100(call: Run) -> None:
    def all_words(command: object, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield words
        for name, under in getattr(command, "commands", {}).items():
            yield from all_words(under, (*words, name))

    commands = [*all_words(get_command(command_tree([])), ())]
    assert {("demo",), ("signals", "list"), ("import", "predecessor")} < {*commands}
    for words in commands:
        answer = call(*words, "--help")
        assert answer.code == 0
        cut = re.findall(r"^.*[a-z]\.\.\.$", answer.out, flags=re.MULTILINE)
        assert not cut, f"`{' '.join(words)} --help` cuts {cut}"
        assert max(map(len, answer.out.splitlines())) <= 100, words


def test_the_version_is_said_in_every_way(call: Run, recorded: Recorded) -> None:
    expected = f"tapetrail {__version__}\n"
    assert recorded.terminal.run("--version").out == expected
    assert recorded.terminal.run("version").out == expected
    assert call("--version").out == call("version").out == expected


IMPORTED = """
import sys
from tapetrail.cli.app import run_command_line
codes = [run_command_line(words.split()) for words in {commands!r}]
print(codes, *sorted((n for n in {heavy!r} if sys.modules.get(n))), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("commands", "heavy"),
    [
        (("decisions list", "analyses show 1", "status"), HEAVY),
        (("--help", "decisions list --help"), (*HEAVY, "sqlalchemy", "psycopg", "yaml")),
    ],
)
def test_reading_imports_nothing_that_only_runs_need(
    commands: tuple[str, ...], heavy: tuple[str, ...], recorded: Recorded
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTED.format(commands=commands, heavy=heavy)],
        env=recorded.terminal.environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert ended.stderr.strip() == str([0] * len(commands))


STARTED = """
import atexit, sys
from tapetrail.__main__ import main
atexit.register(lambda: print(sys.getswitchinterval(), file=sys.stderr))
sys.argv = ["tapetrail", "--help"]
main()
"""


def test_a_thread_that_waits_for_a_reply_is_let_in_soon(recorded: Recorded) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", STARTED], env=recorded.terminal.environment(),
        capture_output=True, encoding="utf-8", timeout=60, check=True,
    )  # fmt: skip
    assert float(ended.stderr) < sys.getswitchinterval()


def on_terminal(terminal: Terminal, *words: str, **environment: str) -> str:
    """Return what a command shows on a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        terminal.command(*words),
        env=terminal.environment(COLUMNS="100", TERM="xterm", **environment),
        stdin=theirs, stdout=theirs, stderr=theirs,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        # The other end hangs up when the command ends, which Linux reports as an error.
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:
            pass
        os.close(ours)
        process.wait(timeout=60)
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_shows_colours_and_a_pipe_does_not(recorded: Recorded, ask: Run) -> None:
    terminal = recorded.terminal
    assert "\x1b[31mfailed" in on_terminal(terminal, "decisions", "list")
    assert "\x1b" not in on_terminal(terminal, "decisions", "list", NO_COLOR="1")
    assert "\x1b" not in ask("decisions", "list").out
    assert "\x1b[31mfailed" in ask("decisions", "list", FORCE_COLOR="1").out


def test_text_is_wrapped_on_a_terminal(recorded: Recorded) -> None:
    shown = on_terminal(recorded.terminal, "signals", "show", "1", NO_COLOR="1")
    assert max(map(len, shown.splitlines())) <= 100


def next_line(stream: IO[str] | None, part: str) -> str:
    assert stream is not None
    for line in stream:
        if part in line:
            return line
    raise AssertionError(f"ended without {part!r}")


@pytest.fixture(scope="module")
def other(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Terminal]:
    """Give a home of its own for what changes a record."""
    terminal = Terminal(home=tmp_path_factory.mktemp("other") / "home")
    copy_home(prepared_home, terminal.home)
    terminal.run("db", "start")
    yield terminal
    terminal.run("db", "stop", "--quiet")


def strategy_in(folder: Path, symbols: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(f"name: mine\ninstruments: [{symbols}]\ntimeframes: [1d]\n", encoding="utf-8")
    return str(path)


def test_a_run_on_a_terminal_shows_a_bar_and_then_the_decisions(
    other: Terminal, tmp_path: Path
) -> None:
    # A Sunday stands for the session before it.
    shown = on_terminal(other, "run", strategy_in(tmp_path, "IBM, FB"), "--as-of", "2012-08-05")
    assert "━" in shown
    assert f"{AS_OF} 20:00Z" in shown
    assert "execution 1: completed" in shown
    assert "Try: tapetrail decisions show" in shown


@contextmanager
def working(terminal: Terminal, *words: str) -> Generator[subprocess.Popen[str]]:
    """Give a command at work, killed at the end if it still is."""
    with subprocess.Popen(
        terminal.command(*words),
        env=terminal.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(stream: IO[str] | None, part: str) -> None:
    assert stream is not None
    for line in stream:
        if part in line:
            return
    pytest.fail(f"ended without {part!r}")


def open_decisions(connection: psycopg.Connection) -> int:
    (found,) = connection.execute(
        "SELECT count(*) FROM tapetrail.decisions WHERE status IN ('pending', 'running')"
    )
    return int(found[0])


def test_interrupted_work_waits_until_it_is_resumed(other: Terminal, tmp_path: Path) -> None:
    strategy = strategy_in(tmp_path, "AAPL, GOOG, IBM, MSFT")
    # Three charts a decision take some time, within which a signal is heard.
    written = Path(strategy).read_text(encoding="utf-8").replace("[1d]", "[1d, 1w, 1mo]")
    Path(strategy).write_text(written, encoding="utf-8")
    with (
        psycopg.connect(other.run("db", "url").out, autocommit=True) as connection,
        working(other, "run", strategy, "--concurrency", "1") as run,
    ):
        # How far it is a run says when it is a second old, and it may have ended by then.
        wait_for(lambda: open_decisions(connection) > 1)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
    assert (run.returncode, out) == (130, "")
    assert "Traceback" not in err
    found = re.search(
        r"of 4 decisions have ended; to go on: (tapetrail executions resume \d+)", err
    )
    assert found is not None, err
    with working(other, "worker") as worker:
        read_until(worker.stderr, "worker ready")
        with psycopg.connect(other.run("db", "url").out, autocommit=True) as connection:
            assert open_decisions(connection) > 0
            assert other.run(*found[1].split()[1:]).code == 0
            assert open_decisions(connection) == 0
        worker.send_signal(signal.SIGTERM)
        out, err = worker.communicate(timeout=60)
    assert (worker.returncode, out, err) == (0, "", "worker stopped\n")


def test_a_stopped_server_stays_down_until_it_is_needed(other: Terminal) -> None:
    assert other.run("db", "stop").err == "stopped\n"
    assert other.run("db", "url").code == 3
    assert other.run("executions").code == 0
