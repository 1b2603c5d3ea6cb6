"""Verify as its users meet it: lines, exit codes, hints; what show and doctor say of damage."""

import json
from collections.abc import Generator
from datetime import date
from pathlib import Path
from typing import Final

import psycopg
import pytest
from tests.homes import server_of
from tests.surfaces.conftest import Recorded, Run

import tapetrail
from tapetrail.core.errors import NotFound
from tapetrail.core.verification.verdict import REMEDY
from tapetrail.usecases.verify import FILE

pytestmark = pytest.mark.service

SOUND: Final = "consistent with itself; compared with no head outside"


@pytest.fixture(scope="module")
def damaged(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """Give a copy of the recorded home in which a signal's price and a chart's file are others."""
    backup = tmp_path_factory.mktemp("damaged") / "record.tar"
    assert recorded.terminal.run("db", "backup", str(backup)).code == 0
    home = backup.parent / "home"
    assert recorded.terminal.run("db", "restore", str(backup), TAPETRAIL_HOME=str(home)).code == 0
    with server_of(home).hold() as address:
        with psycopg.connect(address.libpq_url("postgres"), autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("UPDATE tapetrail.trading_signals SET confidence = 0.99")
        yield home
    server_of(home).stop()


def test_a_sound_record_is_said_to_be_consistent_and_how_far_that_reaches(ask: Run) -> None:
    answer = ask("verify", "--deep")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[-1] == SOUND
    assert answer.out.startswith("verified 2 decisions of 1 executions: ")
    document = json.loads(ask("verify", "--json").out)
    assert (document["ok"], document["faults"], document["whole"]) == (True, [], True)
    assert document["reach"] == SOUND


def test_some_decisions_are_chosen_by_number_and_day(ask: Run) -> None:
    assert ask("verify", "1").out.startswith("verified 1 decisions of 1 executions")
    assert ask("verify", "--as-of", "2012-08-01..2012-08-03").out.startswith("verified 2 decisions")
    assert ask("verify", "2", "--as-of", "2012-08-03").out.startswith("verified 1 decisions")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["99"], 3, "Error: no decision 99\nTry: tapetrail decisions list\n"),
        (["--as-of", "2012-08-04"], 3, "Error: no decision as of 2012-08-04\n"),
        (["--as-of", "yesterday"], 2, "expected a date such as 2012-11-30"),
        (["--as-of", "2012-08-04..2012-08-03"], 2, "2012-08-04..2012-08-03: ends before it begins"),
        (["one"], 2, "expected a whole number"),
    ],
)
def test_what_there_is_not_is_refused(*, words: list[str], code: int, said: str, ask: Run) -> None:
    answer = ask("verify", *words)
    assert answer.code == code
    assert said in answer.err


def test_a_fault_is_one_line_and_the_hint_leads_on(damaged: Path, call: Run) -> None:
    answer = call("verify", TAPETRAIL_HOME=str(damaged))
    assert answer.code == 1
    fault, verified, reach = answer.out.splitlines()
    assert fault == "trading_signals 1 confidence of decision 1 (AAPL): recorded 0.23, found 0.99"
    assert verified.startswith("verified 2 decisions")
    assert reach == "1 fault; compared with no head outside"
    assert answer.err == f"Try: {REMEDY}\n"


@pytest.mark.parametrize(
    "words",
    [
        "decisions show 1",
        "signals show 1",
        "charts show {chart_id}",
        "analyses show {llm_analysis_id}",
        "signals show 1 --json",
    ],
)
def test_damage_of_what_is_shown_is_an_error_and_no_quiet_answer(
    *, words: str, damaged: Path, ask: Run, call: Run
) -> None:
    words = words.format(**json.loads(ask("signals", "show", "1", "--json").out))
    sound = ask(*words.split())
    assert (sound.code, sound.err) == (0, "")
    if "--json" not in words:
        last = sound.out.splitlines()[-1]
        assert last.startswith("verified: 23 rows, 10 objects, read; ")
        assert last.endswith(SOUND)
    answer = call(*words.split(), TAPETRAIL_HOME=str(damaged))
    assert answer.code == 1
    assert answer.out
    first, fault, hint = answer.err.splitlines()
    assert first == "Error: decision 1 is damaged"
    assert fault.startswith("  trading_signals 1 confidence of decision 1 (AAPL): recorded ")
    assert hint == f"Try: {REMEDY}"


@pytest.mark.parametrize("form", ["pdf", "html"])
def test_nothing_is_saved_beside_the_seal_of_a_damaged_decision(
    *, form: str, damaged: Path, ask: Run, call: Run, tmp_path: Path
) -> None:
    target = tmp_path / f"chart.{form}"
    chart = str(json.loads(ask("signals", "show", "1", "--json").out)["chart_id"])
    answer = call("charts", "save", chart, "-o", str(target), TAPETRAIL_HOME=str(damaged))
    assert answer.code == 1
    assert answer.err.startswith("Error: decision 1 is damaged\n  trading_signals 1 confidence of")
    assert not target.exists()


def test_what_a_deep_verification_found_is_not_cleared_by_one_that_reads_no_bytes(
    damaged: Path, call: Run
) -> None:
    image = next((damaged / "blobs" / "charts" / "AAPL").rglob("*.jpg"))
    content = image.read_bytes()
    image.write_bytes(content[:-1] + b"x")
    try:
        assert call("verify", "--deep", TAPETRAIL_HOME=str(damaged)).code == 1
    finally:
        image.write_bytes(content)
    call("verify", TAPETRAIL_HOME=str(damaged))
    with tapetrail.open_record(damaged) as record:
        known = {each.is_deep: each.faults for each in record.verification.remembered()}
        assert known == {True: 2, False: 1}
        record.verify(deep=True)
        assert [each.is_deep for each in record.verification.remembered()] == [True]


def test_a_file_that_is_gone_is_an_error_of_what_names_it(damaged: Path, call: Run) -> None:
    path = next((damaged / "blobs" / "charts" / "AAPL").rglob("*.jpg"))
    content = path.read_bytes()
    path.unlink()
    try:
        shown = call("decisions", "show", "1", TAPETRAIL_HOME=str(damaged))
    finally:
        path.write_bytes(content)
    assert shown.code == 1
    assert f"recorded {path.relative_to(damaged / 'blobs')}, found nothing" in shown.err


def test_a_damaged_image_that_is_saved_leads_on_to_verify(
    damaged: Path, call: Run, tmp_path: Path
) -> None:
    with tapetrail.open_record(damaged) as record:
        path = damaged / "blobs" / str(record.detail("charts", 1).columns["minio_object_key"])
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    try:
        answer = call("charts", "save", "1", "-o", str(tmp_path / "a.jpg"),
                      TAPETRAIL_HOME=str(damaged))  # fmt: skip
    finally:
        path.write_bytes(content)
    assert answer.code == 1
    assert answer.err.splitlines()[-1] == f"Try: {REMEDY}"


def test_programs_choose_by_date_and_choosing_nothing_is_refused(damaged: Path) -> None:
    with tapetrail.open_record(damaged) as record:
        assert record.verify(as_of=date(2012, 8, 3)).decisions == 2
        with pytest.raises(NotFound, match="verify: names no decision and no day"):
            record.verification.decisions()


def test_a_home_that_cannot_remember_when_it_was_verified_is_left_as_it_was(
    damaged: Path, call: Run
) -> None:
    remembered = damaged / FILE
    remembered.unlink(missing_ok=True)
    remembered.mkdir()
    try:
        before = {*damaged.iterdir()}
        assert call("verify", TAPETRAIL_HOME=str(damaged)).code == 1
        assert {*damaged.iterdir()} == before
    finally:
        remembered.rmdir()


def test_doctor_verifies_the_newest_decisions_and_says_how_old_the_last_whole_one_is(
    damaged: Path, ask: Run, call: Run
) -> None:
    assert ask("verify").code == 0
    found = {row["name"]: row for row in json.loads(ask("doctor", "--json").out)["data"]}
    assert found["verify"]["level"] == "ok"
    assert (
        "the newest 2 decisions are consistent; all of it was verified 0 days ago"
        in (found["verify"]["found"])
    )
    answer = call("doctor", "--json", TAPETRAIL_HOME=str(damaged))
    check = {row["name"]: row for row in json.loads(answer.out)["data"]}["verify"]
    assert answer.code == 1
    assert (check["level"], check["fix"]) == ("fail", REMEDY)
    assert "trading_signals 1 confidence" in check["found"]


def test_from_python_the_answer_is_values(recorded: Recorded) -> None:
    with tapetrail.open_record(recorded.terminal.home) as record:
        found = record.verify(deep=True)
        some = record.verify([1])
    assert (found.is_sound, found.is_whole, found.is_deep, found.decisions) == (True, True, True, 2)
    assert (some.is_whole, some.decisions) == (False, 1)
