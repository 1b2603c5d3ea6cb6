"""Prompts on the command line: listed, shown, recorded, compared, and rendered as they are sent."""

import json
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.surfaces.conftest import Run

from tapetrail.cli.terminal.exact import LINE_MAX, terminal_lines
from tapetrail.prompt_files import shipped_prompt

BODY: Final = (
    "{% block system %}Read \x1b[31mred.{% endblock %}\n"
    "{% block question %}Of {{ instrument.symbol }}?{% endblock %}\n"
)


def test_a_terminal_is_shown_bytes_that_cannot_act() -> None:
    shown = terminal_lines(b"a\x1b[31mb\x00\r\n\xff" + b"x" * (LINE_MAX + 5) + b"\n")
    assert shown[0] == "ab"
    assert shown[1].startswith("\\xffxx")
    assert shown[1].endswith(" ... 9 more signs, whole in a file or pipe")


@pytest.mark.service
def test_a_prompt_is_applied_once_and_listed_beside_those_that_come_along(
    ask: Run, tmp_path: Path
) -> None:
    file = tmp_path / "own.jinja"
    file.write_text(BODY)
    first, again = ask("prompts", "apply", str(file)), ask("prompts", "apply", str(file))
    assert (first.code, first.out, again.out) == (0, "own-v1\n", "own-v1\n")
    assert ("recorded" in first.err, "already there" in again.err) == (True, True)
    file.write_text(BODY.replace("Of", "On"))
    assert ask("prompts", "apply", str(file)).out == "own-v2\n"
    data = json.loads(ask("prompts", "list", "--json").out)["data"]
    assert [row["prompt"] for row in data][:2] == ["chart-v1", "consolidated-v1"]
    assert [row["prompt"] for row in data if row["name"] == "own"] == ["own-v1", "own-v2"]
    assert {row["name"] for row in data if row["is_shipped"]} == {"chart", "consolidated"}
    assert "own-v2" in ask("prompts", "list").out
    assert ask("prompts", "show", "own-v1").out == BODY
    assert json.loads(ask("prompts", "show", "own-v1", "--json").out)["body"] == BODY
    changed = [line for line in ask("prompts", "diff", "own-v1", "own-v2").out.splitlines()
               if line[:2] in {"-{", "+{"}]  # fmt: skip
    assert [("Of" in line, "On" in line) for line in changed] == [(True, False), (False, True)]
    same = ask("prompts", "diff", "own-v1", "own-v1")
    assert (same.code, same.out) == (0, "")


@pytest.mark.service
def test_a_strategy_with_a_prompt_that_there_is_not_is_refused_before_anything_is_written(
    ask: Run, tmp_path: Path
) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("name: typo\ninstruments: [IBM]\nprompt: {consolidated: nosuch}\n")
    for words in (("run", str(file)), ("strategies", "apply", str(file))):
        refused = ask(*words)
        assert refused.code == 3
        assert refused.err.startswith("Error: strategy typo: prompt nosuch: none is shipped or")
        assert "look at tapetrail prompts list" in refused.err
    assert ask("strategies", "show", "typo").code == 3


@pytest.mark.service
def test_a_terminal_is_shown_a_prompt_without_what_it_would_obey(
    ask: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "red.jinja"
    file.write_text(BODY)
    assert ask("prompts", "apply", str(file)).code == 0
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = ask("prompts", "show", "red-v1").out
    assert shown == BODY.replace("\x1b[31m", "")
    file.write_text(BODY.replace("Of", "On"))
    assert ask("prompts", "apply", str(file)).code == 0
    assert "\x1b[31m" not in ask("prompts", "diff", "red-v1", "red-v2").out


@pytest.mark.service
@pytest.mark.parametrize(
    ("body", "name", "message"),
    [
        (BODY, "chart", "new versions of this one come with TapeTrail"),
        (BODY, "mine-v2", "a name without a version"),
        (BODY, "two words", "1 to 70 letters"),
        ("words", "mine", "expected the blocks system and question"),
        (BODY.replace("symbol", "name"), "mine", "has no attribute 'name'"),
    ],
)
def test_what_is_no_prompt_is_refused(
    ask: Run, tmp_path: Path, *, body: str, name: str, message: str
) -> None:
    file = tmp_path / "a.jinja"
    file.write_text(body)
    refused = ask("prompts", "apply", str(file), "--name", name)
    assert (refused.code, refused.out) == (2, "")
    assert message in refused.err
    assert "mine" not in ask("prompts", "list").out


def number_of(ask: Run, timeframe: str) -> str:
    """Return the number of the chart of AAPL."""
    return ask("charts", "--symbol", "AAPL", "--timeframe", timeframe, "-q").out.strip()


@pytest.mark.service
def test_a_prompt_is_rendered_as_a_model_would_be_sent_it(ask: Run) -> None:
    words = ("prompts", "render", "chart-v1", "--chart", number_of(ask, "1d"))
    printed = ask(*words).out
    sent = json.loads(ask(*words, "--json").out)
    schema = json.dumps(sent["schema"])
    assert printed == (
        f"# system\n{sent['system']}\n# question\n{sent['question']}\n# schema\n{schema}\n"
    )
    assert sent["body_digest"] == shipped_prompt("chart-v1").body_digest
    assert "AAPL" in sent["question"]
    assert "The 1d chart" in sent["question"]
    assert schema not in sent["system"]
    words = ("prompts", "render", "chart-v1", "--chart", number_of(ask, "1w"))
    alone = ask(*words, "--no-image", "--schema-in-text").out
    assert "The 1w chart" in alone
    assert "There is no picture" in alone
    assert schema in alone
    assert "# schema" not in alone


@pytest.mark.service
def test_a_question_about_all_charts_holds_what_was_answered_about_each(ask: Run) -> None:
    words = ("prompts", "render", "consolidated-v1", "--decision", "1", "--json")
    question = json.loads(ask(*words).out)["question"]
    assert question.count("The earlier answer about this chart:") == 2
    number = ask("analyses", "--symbol", "AAPL", "--timeframe", "1w", "-q").out.strip()
    answer = json.loads(ask("analyses", "show", number, "--json").out)["response_json"]["reasoning"]
    assert " ".join(answer.split())[:80] in question
    failed = ask("prompts", "render", "consolidated-v1", "--decision", "2")
    assert (failed.code, failed.out) == (3, "")
    assert "decision 2: without an answer about" in failed.err


@pytest.mark.service
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("show chart-v7", 3, "there are chart-v1, consolidated-v1"),
        ("render chart-v1", 2, "--chart or --decision; expected one of them"),
        ("render chart-v1 --chart 1 --decision 1", 2, "expected one of them"),
        ("render chart-v1 --chart 99", 3, "no chart 99"),
        ("render chart-v1 --decision 99", 3, "no decision 99"),
        ("render chart-v1 --chart 1 --no-image --no-numbers", 2, "image false and numbers false"),
        ("apply nowhere.jinja", 5, "could not read 'nowhere.jinja'"),
    ],
)
def test_what_is_not_there_is_said(ask: Run, *, words: str, code: int, message: str) -> None:
    refused = ask("prompts", *words.split())
    assert (refused.code, refused.out) == (code, "")
    assert message in refused.err.replace("\n  ", "; ")
