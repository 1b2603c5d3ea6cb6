"""Answers to what people ask: whose decision, of which day, by which strategy, on which bars."""

import re
from pathlib import Path

import pytest
from tests.surfaces.conftest import Recorded, Run

from tapetrail.core.canonical import digest_bytes

pytestmark = pytest.mark.service


def test_a_decision_names_its_strategy_and_that_ones_settings(ask: Run) -> None:
    shown = ask("decisions", "show", "1").out
    named = re.search(r"strategy (\S+)@1\n", shown)
    assert named is not None
    assert "analyst builtin:technical-rules-v1" in shown
    assert f" {named[1]} " in ask("decisions", "--limit", "1").out


def test_a_strategy_is_shown_by_its_number_too(ask: Run) -> None:
    name = ask("strategies", "--columns", "name", "--csv").out.split()[1]
    assert ask("strategies", "show", "1").out == ask("strategies", "show", name).out
    missing = ask("strategies", "show", "77")
    assert (missing.code, missing.out) == (3, "")
    assert "no strategy 77" in missing.err


def test_a_day_finds_its_decisions_and_an_empty_answer_says_what_is_near(ask: Run) -> None:
    day = ask("decisions", "--columns", "session_on", "--csv", "--limit", "1").out.split()[1]
    found = ask("decisions", "--as-of", day, "--csv").out
    assert found == ask("decisions", "--as-of", f"{day}..{day}", "--csv").out
    assert len(found.splitlines()) > 1
    empty = ask("decisions", "--symbol", "aapl", "--since", day, "--until", f"{day}T23:59Z")
    assert (empty.code, empty.out) == (0, "")
    assert f"no decisions with --symbol aapl --since {day}T00:00:00.000000Z" in empty.err
    assert "AAPL is known, aapl is not" in empty.err
    taken = ask("decisions", "--since", day, "--until", f"{day}T23:59Z")
    assert f"this as_of: --as-of {day}" in taken.err


def test_the_bars_of_a_snapshot_are_saved_as_they_are_recorded(
    recorded: Recorded, ask: Run, tmp_path: Path
) -> None:
    digest = ask("snapshots", "--columns", "id,bars_digest", "--csv", "--limit", "1").out.split(",")
    number, recorded_as = digest[1].split()[-1], digest[-1].strip()
    bare, whole = tmp_path / "bars.csv", tmp_path / "whole.csv"
    saved = ask("snapshots", "save", number, "-o", str(bare))
    assert saved.code == 0, saved.err
    assert f"recorded as {recorded_as}" in saved.err
    assert ask("snapshots", "save", number, "-o", str(whole), "--recorded").code == 0
    assert digest_bytes(whole.read_bytes()) == recorded_as
    first, _, rows = whole.read_text().partition("\n")
    assert first.startswith("tapetrail-bars/1 timeframe=")
    assert bare.read_text() == rows
    assert rows.startswith("session,open,high,low,close,volume,complete\n")
    refused = ask("snapshots", "save", "999")
    assert refused.code == 3
    assert recorded.terminal.run("snapshots", "save", number, "-o", str(tmp_path)).code == 2
