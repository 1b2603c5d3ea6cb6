"""A newcomer's own bars: a file, five lines of YAML, one command; and every way they can be bad."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from tests.surfaces.conftest import Answer, Run, Terminal

from tapetrail.sources.calendars import load_calendar

HEADER: Final = "Date,Open,High,Low,Close,Volume\n"
STRATEGY: Final = """\
name: mine
instruments: [ACME]
source: file:{source}
data: {{exchange: XNYS, currency: USD, adjustment: split}}
"""


def rows(count: int = 700) -> list[str]:
    """Return plausible bars of the last sessions up to 2024-06-28."""
    sessions = load_calendar("XNYS").sessions
    days = sessions[sessions <= np.datetime64("2024-06-28")][-count:]
    drift = 100 + 10 * np.sin(np.arange(count) / 25) + np.arange(count) / 50
    return [
        f"{day},{price:.2f},{price + 1:.2f},{price - 1:.2f},{price + 0.3:.2f},{1000 + at}\n"
        for at, (day, price) in enumerate(zip(days, drift, strict=True))
    ]


def written(folder: Path, content: bytes | str, *, name: str = "prices.csv") -> Path:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    strategy = folder / "mine.yaml"
    strategy.write_text(STRATEGY.format(source=name), encoding="utf-8")
    return strategy


@pytest.mark.service
def test_a_newcomers_csv_becomes_a_decision_with_charts_in_one_command(tmp_path: Path) -> None:
    terminal = Terminal(home=tmp_path / "home")
    (tmp_path / "my bars").mkdir()
    written(tmp_path / "my bars", HEADER + "".join(rows()), name="my prices.csv")
    ran = terminal.run("run", "my bars/mine.yaml")
    assert ran.code == 0, ran.err
    assert "ACME" in ran.out
    decision = terminal.run("decisions", "show", "1", "--json").out
    assert '"source": "file:my prices.csv"' in decision
    assert '"provenance": "backfill"' in decision
    assert '"adjusted_with_hindsight": false' in decision
    before = terminal.run("run", "my bars/mine.yaml", "--as-of", "2024-03-28", "--json")
    assert before.code == 0, before.err
    later = terminal.run("decisions", "show", "2", "--json").out
    assert '"adjusted_with_hindsight": true' in later
    assert "2024-04" not in later
    shown = terminal.run("strategies", "show", "mine").out
    assert shown.startswith(
        f"# paths begin in the folder of this file; it last ran in {tmp_path / 'my bars'}\n"
    )
    (tmp_path / "again.yaml").write_text(shown, encoding="utf-8")
    elsewhere = terminal.run("run", "again.yaml")
    assert elsewhere.code == 3
    assert elsewhere.err.startswith(
        f"Error: {tmp_path / 'my prices.csv'}: no such file\n"
        "  file:my prices.csv begins in the folder of the strategy file, or write the whole path"
    )


BAD: Final[Sequence[tuple[str, bytes | str, int, Sequence[str]]]] = (
    ("a missing column", "Date,Open,High,Low\n2024-01-02,1,2,1\n", 2, ["no column for close"]),
    (
        "two columns for one field",
        "Date,Open,High,Low,Close,CLOSE\n2024-01-02,1,2,1,1,1\n",
        2,
        ["'Close'", "'CLOSE'"],
    ),
    (
        "dates twice",
        HEADER + "2024-01-02,1,2,1,1,5\n2024-01-02,1,2,1,1.5,5\n",
        2,
        ["line 3", "conflicts with", "line 2", "session 2024-01-02"],
    ),
    (
        "a high below the low",
        HEADER + "2024-01-02,1,0.5,1,1,5\n",
        2,
        ["line 2", "high 0.5", "high is at or above"],
    ),
    ("a missing price", HEADER + "2024-01-02,1,NaN,1,1,5\n", 2, ["line 2", "missing or infinite"]),
    (
        "no number",
        HEADER + "2024-01-02,1,x,1,1,5\n",
        2,
        ["line 2", "'High'", "'x' is not a number"],
    ),
    ("a day without a session", HEADER + "2024-01-01,1,2,1,1,5\n", 2, ["2024-01-01 is no session"]),
    ("nothing", b"", 2, ["is empty"]),
    ("no rows", HEADER, 2, ["holds no rows"]),
    ("another encoding", HEADER.encode("utf-16"), 2, ["is UTF-16", "save it as UTF-8"]),
    ("a Latin letter", HEADER.encode() + b"2024-01-02,1,2,1,1,\xe9\n", 2, ["line 2", "0xe9"]),
    ("a spreadsheet", b"PK\x03\x04" + bytes(50), 2, ["broken: File is not a zip file"]),
)


def assert_nothing_written(answer: Answer, code: int, parts: Sequence[str], *, home: Path) -> None:
    assert answer.code == code, answer.err
    assert answer.out == ""
    assert answer.err.startswith("Error: ")
    assert answer.err.splitlines()[-1].startswith("Try: tapetrail run --help")
    for part in parts:
        assert part in answer.err
    assert not home.exists()


@pytest.mark.parametrize(
    ("content", "code", "parts"), [pytest.param(*case[1:], id=case[0]) for case in BAD]
)
def test_bad_bars_are_refused_by_value_rule_and_place_before_anything_is_written(
    *, content: bytes | str, code: int, parts: Sequence[str], call: Run, tmp_path: Path
) -> None:
    strategy, home = written(tmp_path, content), tmp_path / "home"
    answer = call("run", str(strategy), TAPETRAIL_HOME=str(home))
    assert_nothing_written(answer, code, ["prices.csv", *parts], home=home)


def test_a_file_of_a_gigabyte_is_refused_unread(call: Run, tmp_path: Path) -> None:
    strategy, home = written(tmp_path, HEADER), tmp_path / "home"
    with (tmp_path / "prices.csv").open("ab") as file:
        file.truncate(2**30)
    answer = call("run", str(strategy), TAPETRAIL_HOME=str(home))
    parts = ["prices.csv: 1073741824 bytes; files of at most 67108864 bytes are read"]
    assert_nothing_written(answer, 2, [part.replace("; ", "\n  ") for part in parts], home=home)


def test_a_directory_and_a_missing_file_are_told_apart(call: Run, tmp_path: Path) -> None:
    strategy, home = written(tmp_path, HEADER), tmp_path / "home"
    (tmp_path / "prices.csv").unlink()
    missing = call("run", str(strategy), TAPETRAIL_HOME=str(home))
    assert_nothing_written(missing, 3, ["prices.csv: no such file"], home=home)
    (tmp_path / "prices.csv").mkdir()
    folder = call("run", str(strategy), TAPETRAIL_HOME=str(home))
    assert_nothing_written(folder, 2, ["is a directory", "one file a symbol"], home=home)


def test_a_symbol_that_the_file_does_not_hold_is_not_found(call: Run, tmp_path: Path) -> None:
    strategy, home = written(tmp_path, HEADER + "".join(rows(3))), tmp_path / "home"
    answer = call("run", str(strategy), "--instruments", "OTHER", TAPETRAIL_HOME=str(home))
    assert_nothing_written(answer, 3, ["instrument 'OTHER'", "holds ACME"], home=home)


def test_a_date_that_the_file_does_not_reach_is_refused(call: Run, tmp_path: Path) -> None:
    strategy, home = written(tmp_path, HEADER + "".join(rows(3))), tmp_path / "home"
    answer = call("run", str(strategy), "--as-of", "2024-07-31", TAPETRAIL_HOME=str(home))
    assert_nothing_written(
        answer, 2, ["no bars of ACME", "from 2024-06-26 to 2024-06-28"], home=home
    )


@pytest.mark.service
def test_what_bars_lack_is_said_by_the_run_in_lists_and_in_details(tmp_path: Path) -> None:
    terminal = Terminal(home=tmp_path / "home")
    holed = rows()
    del holed[-30], holed[-20], holed[-10]
    strategy = written(tmp_path, HEADER + "".join(holed))
    ran = terminal.run("run", str(strategy), "--as-of", "2024-06-28")
    assert ran.code == 0, ran.err
    said = "warning: decision 1: 3 sessions without a bar\n"
    assert said in ran.err
    assert said in terminal.run("decisions", "list").err
    for name in ("charts", "signals"):
        listed = terminal.run(name, "list").err
        assert f"warning: {name[:-1]} 1: 3 sessions without a bar\n" in listed
    for name in ("decisions", "charts"):
        shown = terminal.run(name, "show", "1").out
        assert "warning: 1d: 3 sessions without a bar" in shown
    as_document = terminal.run("run", str(strategy), "--as-of", "2024-06-28", "--json").err
    assert as_document.endswith("3 sessions without a bar\n")
    assert '"missing_sessions": 3' in terminal.run("decisions", "list", "--json").out
    # Without a date the bars are held against the start of the run, years after they end.
    undated = terminal.run("run", str(strategy)).err
    assert "3 sessions without a bar, " in undated
    assert " sessions completed after the last bar\n" in undated
    (tmp_path / "mine.yaml").write_text(
        strategy.read_text("utf-8") + "data_quality: {max_age_sessions: 20}\n", encoding="utf-8"
    )
    stale = terminal.run("run", str(strategy))
    assert stale.code == 1
    assert "ACME: bars: " in stale.err
    assert "`data_quality.max_age_sessions` is 20" in stale.err
    whole = tmp_path / "whole"
    whole.mkdir()
    fine = terminal.run(
        "run", str(written(whole, HEADER + "".join(rows()))), "--as-of", "2024-06-28"
    )
    assert "warning" not in fine.err


@pytest.mark.parametrize("count", [120, 200])
def test_no_warning_of_a_library_reaches_who_runs_odd_bars(
    call: Run, tmp_path: Path, count: int
) -> None:
    content = rows(count)
    cells = content[60].split(",")
    content[60] = ",".join([cells[0], cells[1], "1e308", *cells[3:]])
    strategy = written(tmp_path, HEADER + "".join(content))
    answer = call("run", str(strategy), TAPETRAIL_HOME=str(tmp_path / "home"))
    assert answer.code == 2
    assert "prices lie below 1e+15" in answer.err
    assert "RuntimeWarning" not in answer.err
