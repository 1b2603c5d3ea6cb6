"""Lists in every shape: for people, for programs, for spreadsheets and for other commands."""

import csv
import io
import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.surfaces.conftest import Answer, Recorded, Run

from tapetrail.cli.terminal.list_output import ListWords, Shape, print_list
from tapetrail.core.errors import InvalidInput
from tapetrail.listing import (
    DECISIONS,
    EXECUTIONS,
    INPUTS,
    LISTS,
    NOTES,
    ORDERS,
    STRATEGIES,
)
from tapetrail.listing.runs import ExecutionRow
from tapetrail.wire import LIMIT_MAX, Page

OF_OTHERS = (INPUTS, ORDERS, NOTES)
"""What only other programs tell."""
RESOURCES = tuple(listed.name for listed in LISTS if listed not in OF_OTHERS)
DATED = tuple(name for name in RESOURCES if name != STRATEGIES.name)
PAGES = 3


def rows_of(ask: Run, resource: str, *words: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(ask(resource, "list", *words, "--json").out)["data"]
    return rows


@pytest.mark.service
@pytest.mark.parametrize("resource", RESOURCES)
def test_every_shape_holds_the_same_rows(resource: str, ask: Run) -> None:
    rows = rows_of(ask, resource)
    assert rows
    lines = ask(resource, "list", "--jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == rows
    ids = ask(resource, "list", "-q").out.split()
    assert ids == [str(row["id"]) for row in rows]
    fields = [*csv.DictReader(io.StringIO(ask(resource, "list", "--csv").out, newline=""))]
    assert fields == [{name: csv_text_of(value) for name, value in row.items()} for row in rows]


def csv_text_of(value: object) -> str:
    """What a value of a JSON row is in CSV."""
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, bool) else str(value)


@pytest.mark.service
@pytest.mark.parametrize("resource", RESOURCES)
def test_the_bare_name_lists_with_the_same_options(resource: str, ask: Run) -> None:
    for words in ([], ["--jsonl"], ["-q", "--limit", "1"], ["--all", "--columns", "id"]):
        assert ask(resource, *words) == ask(resource, "list", *words)
    assert "Commands:" in ask(resource, "--help").out
    assert "Commands:" in ask(resource, "-h").out


@pytest.mark.service
def test_columns_are_shown_in_the_order_they_are_named(ask: Run) -> None:
    columns = ["symbol", "error_message", "id"]
    words = ("decisions", "--columns", "symbol, error_message,id")
    assert ask(*words, "--csv").out.splitlines()[0] == ",".join(columns)
    assert [list(json.loads(line)) for line in ask(*words, "--jsonl").out.splitlines()] == [
        columns, columns,
    ]  # fmt: skip
    assert [list(row) for row in json.loads(ask(*words, "--json").out)["data"]] == [columns] * 2
    heading, failed, _ = ask(*words).out.splitlines()
    assert heading.split() == columns
    assert failed.startswith("FB ")


@pytest.mark.service
@pytest.mark.parametrize("words", [["--limit", "1"], ["--limit", "1", "--jsonl"],
                                   ["--limit", "1", "--csv"], ["--limit", "1", "-q"]])  # fmt: skip
def test_a_list_that_was_cut_says_so_beside_the_data(words: list[str], ask: Run) -> None:
    first = ask("decisions", *words)
    assert first.err.startswith("more follow: --all, or with the same filters --cursor ")
    rest = ask("decisions", *words[2:], "--all", "--cursor", first.err.split()[-1])
    assert (rest.err, len(rest.out.splitlines())) == ("", len(first.out.splitlines()))
    assert rest.out != first.out


@pytest.mark.service
def test_a_filter_given_twice_means_one_or_the_other(ask: Run) -> None:
    words = ("decisions", "-q", "--all")
    every = ask(*words).out
    failed, completed = (ask(*words, "--status", each).out for each in ("failed", "completed"))
    assert failed != completed
    assert ask(*words, "--status", "failed", "--status", "completed").out == every
    refused = ask(*words, "--since", "2012-01-01", "--since", "2013-01-01")
    assert (refused.code, refused.err.splitlines()[0]) == (
        2,
        "Error: since: 2 values, expected one",
    )


@pytest.mark.service
def test_an_empty_list_has_no_rows_in_any_shape(ask: Run) -> None:
    said = "no decisions with --symbol IBM\n"
    words = ("decisions", "--symbol", "IBM", "--all")
    heading = ",".join(DECISIONS.column_names)
    assert ask(*words, "--jsonl") == Answer(code=0, out="", err=said)
    assert ask(*words, "-q") == Answer(code=0, out="", err=said)
    assert ask(*words, "--csv") == Answer(code=0, out=f"{heading}\n", err=said)
    assert json.loads(ask(*words, "--json").out) == {
        "data": [], "next_cursor": None, "has_more": False,
    }  # fmt: skip


@pytest.mark.service
@pytest.mark.parametrize("resource", DATED)
def test_a_span_narrows_a_list_to_what_was_made_in_it(resource: str, ask: Run) -> None:
    made_at = {
        "executions": "created_at", "decisions": "created_at", "analyses": "analyzed_at",
        "snapshots": "fetched_at", "data": "fetched_at",
    }  # fmt: skip
    rows = rows_of(ask, resource)
    times = sorted(str(row[made_at.get(resource, "generated_at")]) for row in rows)
    assert rows_of(ask, resource, "--since", times[0]) == rows
    assert rows_of(ask, resource, "--until", times[0]) == []
    assert len(rows_of(ask, resource, "--since", times[-1])) >= 1
    assert rows_of(ask, resource, "--until", "2999-12-31", "--since", "1999-12-31") == rows
    none = ask(resource, "--since", "2999-12-31")
    assert none.err == f"no {resource} with --since 2999-12-31T00:00:00.000000Z\n"


@pytest.mark.service
def test_a_table_can_show_the_local_time_and_programs_get_utc(recorded: Recorded, ask: Run) -> None:
    eastern = {"TZ": "EST5EDT,M3.2.0,M11.1.0"}
    words = ("executions", "--columns", "as_of")
    assert recorded.terminal.run(*words, "--local", **eastern).out == (
        "as_of\n2012-08-03 16:00-04:00\n"
    )
    plain = "as_of\n2012-08-03 20:00Z\n"
    assert recorded.terminal.run(*words, **eastern).out == plain
    assert ask(*words, "--utc").out == plain
    assert recorded.terminal.run(*words, "--csv", "--utc", **eastern).out == (
        "as_of\n2012-08-03T20:00:00.000000Z\n"
    )


@pytest.mark.service
def test_a_failure_of_the_record_prints_no_heading(ask: Run) -> None:
    answer = ask("executions", "--chart", "1", "--csv")
    assert (answer.code, answer.out) == (2, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A list of three executions on pages of one, which remembers when a page was asked for."""

    said: Callable[[], str]
    printed_before: list[str] = field(default_factory=list[str])

    def page(self, cursor: str | None) -> Page[ExecutionRow]:
        self.printed_before.append(self.said())
        number = int(cursor or PAGES)
        return Page(data=[execution(number)], next_cursor=str(number - 1) if number > 1 else None)


def execution(number: int) -> ExecutionRow:
    at = datetime(2012, 8, 3, 20, tzinfo=UTC)
    return ExecutionRow(
        id=number, strategy="=two", strategy_version=1, run_type="manual", provenance="live",
        as_of=at, status="completed", decisions=2, signals=2, failed=0, started_at=at,
        completed_at=at, error=None, created_at=at,
    )  # fmt: skip


@pytest.fixture
def book(capsys: pytest.CaptureFixture[str]) -> Book:
    return Book(said=lambda: capsys.readouterr().out)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (Shape.JSONL, ['{"id": 3}\n', '{"id": 2}\n', '{"id": 1}\n']),
        (Shape.CSV, ["id\n3\n", "2\n", "1\n"]),
        (Shape.IDS, ["3\n", "2\n", "1\n"]),
    ],
)
def test_lines_are_out_before_the_next_page_is_asked_for(
    shape: Shape, expected: list[str], book: Book
) -> None:
    columns = () if shape is Shape.IDS else ("id",)
    words = ListWords(selection=EXECUTIONS.select(), shape=shape, columns=columns, limit=None)
    print_list(words, fetch=book.page, near=list)
    assert [*book.printed_before, book.said()] == ["", *expected]


@pytest.mark.parametrize("shape", [Shape.TABLE, Shape.JSON])
def test_a_table_and_a_document_hold_every_page(shape: Shape, book: Book) -> None:
    words = ListWords(selection=EXECUTIONS.select(), shape=shape, columns=("id",), limit=None)
    print_list(words, fetch=book.page, near=list)
    assert re.findall(r"\d", book.said()) == ["3", "2", "1"]
    assert len(book.printed_before) == PAGES


def test_one_page_is_all_that_a_limit_asks_for(book: Book) -> None:
    print_list(
        ListWords(selection=EXECUTIONS.select(), shape=Shape.IDS, limit=1),
        fetch=book.page,
        near=list,
    )
    assert (book.said(), len(book.printed_before)) == ("3\n", 1)


def test_no_list_is_asked_for_what_it_would_ignore() -> None:
    with pytest.raises(InvalidInput, match="--columns: with --quiet there are only ids"):
        ListWords(selection=EXECUTIONS.select(), shape=Shape.IDS, columns=("id",))
    for shape in set(Shape) - {Shape.TABLE}:
        with pytest.raises(InvalidInput, match=f"with {shape} all times are UTC"):
            ListWords(selection=EXECUTIONS.select(), shape=shape, is_utc=False)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("--json --csv", ["--json and --csv", "at most one of --json, --jsonl, --csv, --quiet"]),
        ("-q --jsonl", ["--jsonl and --quiet"]),
        ("--json --jsonl --csv -q", ["--json and --jsonl and --csv and --quiet"]),
        ("--columns symbl", ["decisions have no 'symbl'", "did you mean 'symbol'?"]),
        ("--columns xyzzy", ["decisions have no 'xyzzy'", "  known are id, execution_id,"]),
        ("--columns id,,symbol", ["decisions have no ''"]),
        ("--columns id,id", ["'id' is named twice"]),
        ("--columns", ["option '--columns' requires an argument"]),
        ("--columns id -q", ["with --quiet there are only ids"]),
        ("--local --csv", ["--local: for tables only", "with --csv all times are UTC"]),
        ("--local -q", ["--local: for tables only"]),
        ("--all --limit 3", ["--limit 3 and --all", "at most one of them"]),
        ("--all --limit 0", ["--limit 0: expected 1 or more"]),
        ("--limit 201", [f"--limit 201: expected {LIMIT_MAX} or less"]),
        ("--since yesterday", ["--since 'yesterday': expected a date such as"]),
        ("--since 2012-11-30T21:00:00", ["--since '2012-11-30T21:00:00': expected"]),
        ("--until 2012-02-30", ["--until '2012-02-30': expected"]),
        ("--since 2012-02-02 --until 2012-02-02", ["since 2012-02-02T00:00:00.000000Z: not"]),
        ("--jsonl=yes", ["--jsonl"]),
        ("--symbol", ["option '--symbol' requires an argument"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["decisions", "decisions list"])
def test_options_that_contradict_or_name_nothing_are_refused(
    *, command: str, words: str, parts: list[str], call: Run, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    answer = call(*command.split(), *words.split(), TAPETRAIL_HOME=str(home))
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("Error: ")
    assert re.fullmatch(r"Try: tapetrail.* --help", answer.err.splitlines()[-1])
    for part in parts:
        assert part in answer.err
    assert not home.exists()


def ended(recorded: Recorded, words: str, shell: str) -> tuple[int, str]:
    """Return how a command ends whose output a shell redirects, and what it says beside it."""
    command = " ".join([*recorded.terminal.command(*words.split()), shell])
    ran = subprocess.run(
        ["/bin/bash", "-c", command],
        env=recorded.terminal.environment(), capture_output=True, encoding="utf-8", timeout=60,
        check=False,
    )  # fmt: skip
    return ran.returncode, ran.stderr


SAYING = ["--version", "version", "--help", "decisions --help", "decisions list --jsonl",
          "decisions --csv", "help exit-codes", "completion bash"]  # fmt: skip


@pytest.mark.service
@pytest.mark.parametrize("words", SAYING)
def test_a_reader_that_is_gone_ends_every_command_alike(words: str, recorded: Recorded) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        recorded.terminal.command(*words.split()),
        env=recorded.terminal.environment(),
        stdout=writing, stderr=subprocess.PIPE, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, "")


@pytest.mark.service
@pytest.mark.parametrize("words", SAYING)
def test_output_that_is_refused_is_no_defect(words: str, recorded: Recorded) -> None:
    code, said = ended(recorded, words, "> /dev/full")
    assert (code, said.splitlines()[:2]) == (
        5, ["Error: could not write to standard output", "  No space left on device"],
    )  # fmt: skip


@pytest.mark.service
@pytest.mark.parametrize("words", ["version", "decisions", "decisions show 1 --json"])
def test_output_that_is_closed_is_no_defect(words: str, recorded: Recorded) -> None:
    code, said = ended(recorded, words, ">&-")
    assert (code, said.splitlines()[:2]) == (
        5, ["Error: could not write to standard output", "  it is closed"],
    )  # fmt: skip


@pytest.mark.service
def test_what_is_said_beside_the_data_never_gets_into_it(recorded: Recorded) -> None:
    assert recorded.terminal.run("decisions", "-q", "--limit", "1").out == "2\n"
    ran = subprocess.run(
        ["/bin/bash", "-c",
         " ".join([*recorded.terminal.command("decisions", "-q", "--limit", "1"), "2>&-"])],
        env=recorded.terminal.environment(), capture_output=True, encoding="utf-8", timeout=60,
        check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "2\n")
