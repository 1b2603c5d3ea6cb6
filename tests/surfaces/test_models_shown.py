"""What a model was asked and said, to the byte, and what it may remember of that time."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.homes import copy_home, plain_path
from tests.surfaces import canned_run
from tests.surfaces.conftest import Answer, Run

import tapetrail
from tapetrail.core.canonical import digest_bytes
from tapetrail.store.private.server import PrivateServer

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def canned(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """Give a home with two runs of two instruments by a model, one of them refused."""
    home = tmp_path_factory.mktemp("canned") / "home"
    copy_home(prepared_home, home)
    words = [sys.executable, "-m", canned_run.__name__, str(home)]
    with PrivateServer(home=home).hold():
        subprocess.run(words, env={**plain_path()}, check=True, cwd=Path(__file__).parents[2])
        yield home
    PrivateServer(home=home).stop()


@pytest.fixture
def show(call: Run, canned: Path) -> Run:
    """Return what runs a command on the home of the model."""

    def run(*words: str) -> Answer:
        return call(*words, TAPETRAIL_HOME=str(canned))

    return run


def number_of(show: Run, *words: str) -> str:
    """Return the number of the one analysis that these words find."""
    found: list[dict[str, object]] = json.loads(show("analyses", *words, "--json").out)["data"]
    (one,) = (row for row in found if row["kind"] == "chart" and row["timeframe"] == "1d")
    return str(one["id"])


def test_what_was_asked_and_answered_is_given_back_to_the_byte(show: Run, canned: Path) -> None:
    number = number_of(show, "--symbol", "IBM", "--as-of", "2012-08-03")
    request = show("analyses", "show", number, "--request").out
    asked = {"question": "chart:1d", "symbol": "IBM", "on": "2012-08-03"}
    assert request == json.dumps(asked)
    assert show("analyses", "show", number, "--prompt").out == "About IBM, \x1b[31mchart:1d.\n"
    reply = show("analyses", "show", number, "--reply", "--attempt", "1").out
    text = show("analyses", "show", number, "--response").out
    assert json.loads(reply)["text"] == text
    whole = show("analyses", "show", number, "--prompt", "--response", "--wire").out
    for part in (request, text, reply):
        assert part in whole
    assert "# reply of attempt 1\n" in whole
    told = json.loads(show("analyses", "show", number, "--wire", "--response", "--json").out)
    (attempt,) = told["wire"]
    assert told["response"] == text
    assert attempt["response_digest"] == digest_bytes(reply.encode())
    assert attempt["http_status"] == 200
    with tapetrail.open_record(canned) as record:
        assert record.analyses.reply(int(number)) == reply.encode()


def test_the_bytes_of_one_part_go_to_a_file(show: Run, tmp_path: Path) -> None:
    number, target = number_of(show, "--symbol", "IBM", "--as-of", "2012-08-03"), tmp_path / "a"
    said = show("analyses", "show", number, "--reply", "-o", str(target))
    assert (said.code, said.out) == (0, "")
    assert target.read_bytes().endswith(b'"}\n')
    assert f"as recorded: {digest_bytes(target.read_bytes())}" in said.err


def test_a_call_that_brought_no_answer_is_shown_all_the_same(show: Run) -> None:
    number = number_of(show, "--symbol", "GOOG", "--as-of", "2012-08-03")
    whole = show("analyses", "show", number, "--response", "--wire")
    assert whole.code == 0
    assert "# response: none\n" in whole.out
    assert '"text": null' in whole.out
    alone = show("analyses", "show", number, "--response")
    assert (alone.code, alone.out) == (3, "")
    assert "no reply came" in alone.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("--reply --attempt 7", 3, "no attempt 7; there are 1"),
        ("--prompt --attempt 1", 2, "--attempt 1: of which part?"),
        ("--attempt 1", 2, "--attempt 1: of which part?"),
        ("-o a", 2, "expected one part for it"),
        ("--request --reply -o a", 2, "expected one part for it"),
        ("--wire --request -o a", 2, "expected one part for it"),
    ],
)
def test_what_is_not_there_is_said(show: Run, *, words: str, code: int, message: str) -> None:
    refused = show("analyses", "show", "1", *words.split())
    assert (refused.code, refused.out) == (code, "")
    assert message in refused.err.replace("\n  ", "; ")


def test_code_was_sent_nothing(ask: Run) -> None:
    said = ask("analyses", "show", "1", "--prompt", "--wire")
    assert (said.code, said.out) == (0, "# prompt: none\n# nothing went over a wire\n")
    assert ask("analyses", "show", "1", "--request").code == 3
    assert "model:" not in ask("decisions", "show", "1").out
    assert json.loads(ask("decisions", "show", "1", "--json").out)["models"] == []


def test_every_decision_of_a_model_says_what_that_may_remember(show: Run) -> None:
    decisions = show("decisions", "--as-of", "2012-08-10", "-q").out.split()
    shown = [show("decisions", "show", decision).out for decision in decisions]
    now, before = canned_run.REPORTED["2012-08-10"], canned_run.REPORTED["2012-08-03"]
    for text in shown:
        assert f"  model: as_of is before the training cut-off of {now}" in text
        assert "known to 2025-02, trained to 2025-07; https://" in text
    said = [line for text in shown for line in text.splitlines() if "says it is" in line]
    assert len(said) == 1  # the first answer under the other name
    assert said[0].startswith(f"  {canned_run.MODEL} says it is {now}; in analysis")
    assert said[0].endswith(f"it was {before}")
    models = json.loads(show("decisions", "show", decisions[0], "--json").out)["models"]
    assert {model["training"] for model in models} == {"before"}
    number = number_of(show, "--symbol", "IBM", "--as-of", "2012-08-03")
    earlier = show("analyses", "show", number).out
    assert f"the training cut-off of {before}" in earlier
    assert "says it is" not in earlier


def test_statistics_are_printed_for_people_programs_and_spreadsheets(show: Run) -> None:
    (row,) = json.loads(show("stats", "models", "--json").out)["data"]
    assert (row["key"], row["asked"], row["answers"]) == ("tests:claude-haiku-4-5", 10, 6)
    assert (row["calls"], row["cost_usd"], row["unpriced"]) == (10, None, 10)
    assert row["tokens"] == {"input": 1000, "output": 100, "cached_read": 50}
    (line,) = csv.DictReader(io.StringIO(show("stats", "models", "--csv").out))
    assert (line["key"], line["calls"], line["cost_usd"]) == (row["key"], "10", "")
    heading, *lines = show(
        "stats", "spend", "--by", "symbol", "--since", "2026-01-01"
    ).out.splitlines()
    assert heading.split()[:2] == ["symbol", "decisions"]
    assert [each.split()[0] for each in lines] == ["GOOG", "IBM"]
    with_both = show("stats", "spend", "--json", "--csv")
    assert (with_both.code, with_both.out) == (2, "")
    empty = show("stats", "grounding", "--symbol", "IBM")
    assert (empty.code, empty.out) == (0, "")
    assert "nothing to count with --symbol IBM" in empty.err
    assert show("stats", "spend", "--by", "hour").code == 2


def test_a_summary_says_what_was_decided_of_late(show: Run, canned: Path) -> None:
    data = json.loads(show("stats", "summary", "--json").out)["data"]
    assert [row["period"] for row in data] == ["today", "7 days", "30 days"]
    month = data[-1]
    assert (month["decisions"], month["completed"], month["failed"]) == (4, 2, 2)
    assert (month["signals"], month["failures"]) == ({"HOLD": 2}, {"refused": 2})
    assert (month["cost_usd"], month["unpriced"]) == (None, 10)
    assert "30 days" in show("stats", "summary").out
    with tapetrail.open_record(canned) as record:
        assert [row.decisions for row in record.stats.summary()][-1] == 4
        assert record.stats.models(symbol="IBM")[0].answers == 6
