"""What a model was asked and said, to the byte, what it cost, and what it may remember."""

import base64
import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import text
from tests.homes import copy_home
from tests.model_server import Answer as Reply
from tests.model_server import Asked, ModelServer, model_server, spoken
from tests.surfaces.conftest import Answer, Run, Terminal
from tests.workflows.model_answers import CHART, HOLD, is_whole

import tapetrail
from tapetrail.core.canonical import digest_bytes
from tapetrail.store.private.server import PrivateServer

pytestmark = pytest.mark.service

MODEL: Final = "claude-haiku-4-5"
REPORTED: Final = f"{MODEL}-20251001"
DAY: Final = "2012-08-03"
OWN: Final = (
    "{% block system %}Read \x1b[31mcharts.{% endblock %}"
    "{% block question %}Of {{ instrument.symbol }} until {{ as_of }}, {% for chart in charts %}"
    "{{ chart.timeframe }}: {{ chart.numbers | length }} numbers.{% endfor %}{% endblock %}"
)
RUNS: Final = """
import sys
import tapetrail

home, url, body, day = sys.argv[1:]
price = {"input": 3, "output": 15}
model = {"analyst": "compatible:claude-haiku-4-5", "base_url": url, "price": price}
strategy = {
    "name": "asked", "instruments": ["GOOG", "IBM"], "analyst": model, "prompt": {"chart": "own-v1"}
}
with tapetrail.open_record(home) as record:
    record.prompts.apply("own", body)
    record.run(strategy, as_of=day)
"""


def answered(asked: Asked) -> Reply:
    """Answers about IBM, words about GOOG, by a model that says which version it is."""
    good = json.dumps({**(HOLD if is_whole(asked) else CHART), "reasoning": "\x1b[31m!"})
    said = "I would rather not." if b"GOOG" in asked.body else good
    body = spoken(asked, said).replace(f'"{MODEL}"'.encode(), f'"{REPORTED}"'.encode())
    return Reply(body=body)


@pytest.fixture(scope="module")
def model() -> Generator[ModelServer]:
    with model_server() as made:
        made.answers = answered
        yield made


@pytest.fixture(scope="module")
def told(
    prepared_home: Path, tmp_path_factory: pytest.TempPathFactory, model: ModelServer
) -> Generator[Path]:
    """Give a home with one run of two instruments by a model that answers for one of them."""
    terminal = Terminal(home=tmp_path_factory.mktemp("told") / "home")
    copy_home(prepared_home, terminal.home)
    words = [str(terminal.home), f"{model.url}/v1", OWN, DAY]
    with PrivateServer(home=terminal.home).hold():
        subprocess.run([sys.executable, "-c", RUNS, *words], env=terminal.environment(), check=True)
        yield terminal.home
    PrivateServer(home=terminal.home).stop()


@pytest.fixture
def show(call: Run, told: Path) -> Run:
    """Return what runs a command on the home of the model."""

    def run(*words: str) -> Answer:
        return call(*words, TAPETRAIL_HOME=str(told))

    return run


def number_of(show: Run, *words: str) -> str:
    """Return the number of the one analysis that these words find."""
    found: list[dict[str, object]] = json.loads(show("analyses", *words, "--json").out)["data"]
    (one,) = (row for row in found if row["kind"] == "chart" and row["timeframe"] == "1d")
    return str(one["id"])


def test_what_went_over_the_wire_is_given_back_to_the_byte(
    show: Run, told: Path, model: ModelServer
) -> None:
    number = number_of(show, "--symbol", "IBM")
    request = show("analyses", "show", number, "--request").out
    reply = show("analyses", "show", number, "--reply", "--attempt", "1").out
    bodies = [asked.body for asked in model.asked]
    assert request.encode() in bodies
    assert reply.encode() in model.sent
    prompt = show("analyses", "show", number, "--prompt").out
    answer = show("analyses", "show", number, "--response").out
    assert json.loads(reply)["choices"][0]["message"]["content"] == answer
    whole = show("analyses", "show", number, "--prompt", "--response", "--wire").out
    for part in (request, prompt, answer, reply):
        assert part in whole
    assert "# reply of attempt 1\n" in whole
    document = json.loads(show("analyses", "show", number, "--wire", "--response", "--json").out)
    (attempt,) = document["wire"]
    assert document["response"] == answer
    assert attempt["response_digest"] == digest_bytes(reply.encode())
    assert attempt["base_url"] == f"{model.url}/v1"
    assert attempt["headers"]["content-type"] == "application/json"
    with tapetrail.open_record(told) as record:
        assert record.analyses.reply(int(number)) == reply.encode()


def test_the_picture_in_a_request_is_the_one_on_record(show: Run, told: Path) -> None:
    number = number_of(show, "--symbol", "IBM")
    request = json.loads(show("analyses", "show", number, "--request").out)
    (address,) = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", json.dumps(request))
    with tapetrail.open_record(told) as record, record.session() as session:
        shown = session.execute(
            text("SELECT image_digest FROM tapetrail.analysis_charts WHERE analysis_id = :n"),
            {"n": int(number)},
        ).scalar_one()
        assert record.blob(shown) == base64.b64decode(address)


@pytest.mark.parametrize(
    ("kind", "prompt"), [("chart", "own-v1"), ("consolidated", "consolidated-v1")]
)
def test_a_rendered_prompt_is_the_one_that_a_model_was_sent(
    show: Run, *, kind: str, prompt: str
) -> None:
    words = ("--symbol", "IBM")
    rows: list[dict[str, Any]] = json.loads(show("analyses", *words, "--json").out)["data"]
    asked = [row for row in rows if row["kind"] == kind]
    assert asked
    for row in asked:
        about = (
            ("--chart", str(row["chart_id"]))
            if kind == "chart"
            else ("--decision", str(row["decision_id"]))
        )
        found = json.loads(show("prompts", "render", prompt, *about, "--json").out)
        sent = show("analyses", "show", str(row["id"]), "--prompt").out
        assert sent == f"{found['system']}\n\n{found['question']}"
        request = show("analyses", "show", str(row["id"]), "--request").out
        assert json.dumps(found["schema"], separators=(",", ":"))[1:-1] in request


def test_analyses_are_counted_by_the_prompt_they_were_asked_with(show: Run) -> None:
    rows: list[dict[str, Any]] = json.loads(show("prompts", "list", "--json").out)["data"]
    assert {row["prompt"]: row["analyses"] for row in rows} == {
        "chart-v1": 0, "consolidated-v1": 1, "own-v1": 4,
    }  # fmt: skip


def test_the_bytes_of_one_part_go_to_a_file(show: Run, tmp_path: Path) -> None:
    number, target = number_of(show, "--symbol", "IBM"), tmp_path / "a"
    said = show("analyses", "show", number, "--reply", "-o", str(target))
    assert (said.code, said.out) == (0, "")
    assert json.loads(target.read_bytes())["model"] == REPORTED
    assert f"as recorded: {digest_bytes(target.read_bytes())}" in said.err


def test_calls_that_brought_no_answer_are_shown_one_by_one(show: Run, model: ModelServer) -> None:
    number = number_of(show, "--symbol", "GOOG")
    whole = show("analyses", "show", number, "--wire")
    assert whole.code == 0
    assert whole.out.count("I would rather not.") >= 3
    second = show("analyses", "show", number, "--request", "--attempt", "2").out
    assert "Your last answer could not be used" in second
    assert second.encode() in [asked.body for asked in model.asked]
    which = show("analyses", "show", number, "--request")
    assert (which.code, which.out) == (2, "")
    assert "several attempts" in which.err
    document = json.loads(show("analyses", "show", number, "--wire", "--json").out)
    assert [call["reason"] for call in document["wire"]] == ["first", "re_ask", "re_ask"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("--reply --attempt 7", 3, "no attempt 7; there are"),
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
    for decision in show("decisions", "-q").out.split():
        shown = show("decisions", "show", decision).out
        assert f"  model: as_of is before the training cut-off of {REPORTED}" in shown
        assert "known to 2025-02, trained to 2025-07; https://" in shown
        models = json.loads(show("decisions", "show", decision, "--json").out)["models"]
        assert {model["training"] for model in models} == {"before"}
    number = number_of(show, "--symbol", "IBM")
    assert f"cut-off of {REPORTED}" in show("analyses", "show", number).out


def test_statistics_are_printed_for_people_programs_and_spreadsheets(show: Run) -> None:
    (row,) = json.loads(show("stats", "models", "--json").out)["data"]
    assert (row["key"], row["asked"], row["answers"]) == (f"compatible:{MODEL}", 5, 3)
    assert (row["calls"], row["re_asks"], row["lost"]) == (9, 4, 0)
    assert row["failures"] == {"not_json": 2}
    assert row["tokens"] == {
        "input": 9 * 200, "cached_read": 9 * 1000, "cache_write": 0, "cache_write_5m": 0,
        "cache_write_1h": 0, "output": 9 * 300, "image": 9 * 800, "reasoning": 9 * 200,
    }  # fmt: skip
    each = Decimal(1200 * 3 + 300 * 15) / 1_000_000
    assert (Decimal(row["cost_usd"]), row["unpriced"]) == (9 * each, 0)
    assert Decimal(row["usd_per_decision"]) == 9 * each / 2
    assert Decimal(row["usd_per_signal"]) == 9 * each
    (line,) = csv.DictReader(io.StringIO(show("stats", "models", "--csv").out))
    assert (line["key"], line["calls"], line["cost_usd"]) == (row["key"], "9", row["cost_usd"])
    heading, *lines = show(
        "stats", "spend", "--by", "symbol", "--since", "2026-01-01"
    ).out.splitlines()
    assert heading.split()[:2] == ["symbol", "decisions"]
    assert [line.split()[0] for line in lines] == ["GOOG", "IBM"]
    with_both = show("stats", "spend", "--json", "--csv")
    assert (with_both.code, with_both.out) == (2, "")
    assert show("stats", "spend", "--by", "hour").code == 2


def test_how_true_what_a_model_states_is_is_counted(show: Run) -> None:
    (row,) = json.loads(show("stats", "grounding", "--json").out)["data"]
    assert (row["answers"], row["levels"], row["on_their_side"]) == (3, 9, 9)
    assert (row["numbers"], row["known"]) == (6, 6)
    assert row["visible"] > 0
    assert row["touched"] > 0
    empty = show("stats", "grounding", "--symbol", "GOOG")
    assert (empty.code, empty.out) == (0, "")
    assert "nothing to count with --symbol GOOG" in empty.err


def test_a_summary_says_what_was_decided_of_late(show: Run, told: Path) -> None:
    data = json.loads(show("stats", "summary", "--json").out)["data"]
    assert [row["period"] for row in data] == ["today", "7 days", "30 days"]
    month = data[-1]
    assert (month["decisions"], month["completed"], month["failed"]) == (2, 1, 1)
    assert (month["signals"], month["failures"]) == ({"HOLD": 1}, {"not_json": 1})
    assert (month["cost_usd"], month["unpriced"]) == ("0.0729", 0)
    assert "30 days" in show("stats", "summary").out
    with tapetrail.open_record(told) as record:
        assert [row.decisions for row in record.stats.summary()][-1] == 2
        assert record.stats.models(symbol="IBM")[0].answers == 3
        assert [row.key for row in record.stats.models(by="symbol")] == ["GOOG", "IBM"]


def test_a_signal_says_whose_it_is_by_which_sample(show: Run) -> None:
    said = show("signals", "--columns", "id,analyst,sample_no", "--csv").out
    assert said.splitlines()[1:] == ["1,compatible:claude-haiku-4-5,1"]
