"""Every way to go wrong has its exit code, says why in three lines, and changes nothing."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.surfaces.conftest import Answer, Recorded, Run

from tapetrail.cli.terminal.failures import MEANINGS, exit_code_of, show_defect, show_error
from tapetrail.cli.terminal.help_texts import VARIABLES


def assert_refused(answer: Answer, code: int, *parts: str) -> None:
    assert answer.code == code, answer.err
    assert answer.out == ""
    lines = answer.err.splitlines()
    assert lines[0].startswith("Error: ")
    assert lines[-1].startswith("Try: tapetrail")
    assert all(line.startswith("  ") for line in lines[1:-1])
    for part in parts:
        assert part in answer.err


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("decisons list", ["no such command 'decisons'", "did you mean 'decisions'", "--help"]),
        ("decisions lst", ["did you mean 'list'?", "Try: tapetrail decisions --help"]),
        ("frobnicate", ["no such command 'frobnicate'"]),
        ("decisions list --limt 3", ["no such option: --limt", "did you mean --limit"]),
        ("decisions list --limit", ["option '--limit' requires an argument"]),
        ("decisions list --limit 0", ["--limit 0: expected 1 or more"]),
        ("decisions list --limit 500", ["--limit 500: expected 200 or less"]),
        ("decisions list --limit many", ["--limit many: expected a whole number"]),
        ("decisions list --execution 0", ["--execution 0: expected 1 or more"]),
        ("decisions list extra", ["unexpected extra argument"]),
        ("signals list --status completed", ["no such option: --status"]),
        ("executions list --chart 1", ["no such option: --chart"]),
        ("charts save 1 --format gif", ["--format gif: expected one of jpg, html, pdf"]),
        ("decisions show", ["missing argument 'ID'", "Try: tapetrail decisions show --help"]),
        ("decisions show x", ["ID x: expected a whole number"]),
        ("decisions show -4", ["no such option: -4"]),
        ("decisions show -- -4", ["ID -4: expected 1 or more"]),
        ("decisions show 99999999999999999999", ["larger than any that a list can show"]),
        ("charts save 99999999999999999999", ["larger than any that a list can show"]),
        ("decisions list --chart 9223372036854775808", ["larger than any that a list can show"]),
        ("run", ["missing argument 'STRATEGY'"]),
        ("run two.yaml --concurrency 0", ["--concurrency 0: expected 1 or more"]),
        ("db url --role admin", ["'admin': expected one of reader, app, owner"]),
        ("decisions list --status complete", ["expected one of pending, running, completed"]),
        ("charts list --timeframe 9q", ["timeframe '9q': expected a number and m, h, d, w or mo"]),
        ("signals list --symbol \x1b[31m", ["holds what no symbol can"]),
        ("charts save 1 -o no/such/folder.jpg", ["there is no folder"]),
        ("charts save 1 -o .", ["a folder or device, expected a file"]),
        ("charts save 1 -o /dev/null", ["a folder or device, expected a file"]),
    ],
)
def test_wrong_words_are_refused_with_2_before_anything_is_opened(
    *, words: str, parts: list[str], call: Run, tmp_path: Path
) -> None:
    answer = call(*words.split(" "), TAPETRAIL_HOME=str(tmp_path / "home"))
    assert_refused(answer, 2, *parts)
    assert not (tmp_path / "home").exists()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A way to call a command, and a folder in which nothing has been recorded."""

    call: Run
    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"


@pytest.fixture
def ours(call: Run, tmp_path: Path) -> Ours:
    return Ours(call=call, folder=tmp_path)


GOOD = b"name: two\ninstruments: [AAPL, FB]\n"


@pytest.mark.parametrize(
    ("content", "words", "code", "part"),
    [
        (None, "", 3, "no strategy file"),
        (b"\x00\xff\xfe", "", 2, "strategy"),
        (b"name: x\ninstrments: [AAPL]\n", "", 2, "did you mean 'instruments'?"),
        (b"name: x\ninstruments: [ZZZ]\n", "", 3, "AAPL, FB, GOOG, IBM, MSFT"),
        (GOOD, "--instruments ZZZ", 3, "AAPL, FB, GOOG, IBM, MSFT"),
        (GOOD, "--instruments ,,", 2, "names no instrument"),
        (GOOD, "--instruments AAPL,AAPL", 2, "twice"),
        (GOOD, "--as-of yesterday", 2, "expected a date such as 2012-11-30"),
        (GOOD, "--as-of 1999-12-31", 2, "there are bars from"),
        (GOOD, "--as-of 1899-12-31", 2, "1899-12-31"),
        (GOOD, "--as-of 2039-12-30", 2, "the latest completed session is"),
    ],
)
def test_what_can_be_known_before_a_run_is_refused_and_writes_nothing(
    *, content: bytes | None, words: str, code: int, part: str, ours: Ours
) -> None:
    strategy = ours.folder / "mine.yaml"
    if content is not None:
        strategy.write_bytes(content)
    answer = ours.call("run", str(strategy), *words.split(), TAPETRAIL_HOME=str(ours.home))
    assert_refused(answer, code, part)
    assert not ours.home.exists()


def test_a_folder_is_no_strategy(call: Run, tmp_path: Path) -> None:
    answer = call("run", str(tmp_path), TAPETRAIL_HOME=str(tmp_path / "home"))
    assert_refused(answer, 2, "not a file")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("words", ["decisions list", "status", "charts save 1", "decisions show 1"])
def test_reading_where_nothing_was_recorded_is_refused_and_creates_nothing(
    words: str, call: Run, tmp_path: Path
) -> None:
    answer = call(*words.split(), TAPETRAIL_HOME=str(tmp_path / "home"))
    assert_refused(answer, 3, "no record in", "TAPETRAIL_HOME", "Try: tapetrail demo")
    assert not (tmp_path / "home").exists()


def test_a_home_without_a_server_has_no_schema_and_no_address(call: Run, tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    assert call("db", "current", TAPETRAIL_HOME=home).out == "no schema yet\n"
    assert_refused(call("db", "url", TAPETRAIL_HOME=home), 3, "no server is running", "db start")
    assert call("db", "stop", TAPETRAIL_HOME=home) == Answer(
        code=0, out="", err="no server was running\n"
    )
    assert call("db", "stop", "--quiet", TAPETRAIL_HOME=home) == Answer(code=0, out="", err="")
    assert not (tmp_path / "home").exists()


def test_a_home_that_is_a_file_is_unreachable(call: Run, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a folder", encoding="utf-8")
    answer = call("decisions", "list", TAPETRAIL_HOME=str(tmp_path / "home"))
    assert_refused(answer, 5, "home folder", "Try: tapetrail help environment")


def test_a_server_that_does_not_answer_is_unreachable(call: Run, tmp_path: Path) -> None:
    url = f"postgresql://nobody@/x?host={tmp_path}"
    for words in ("decisions list", "db current", "db upgrade"):
        answer = call(*words.split(), TAPETRAIL_DATABASE_URL=url)
        assert_refused(answer, 5, "PostgreSQL did not answer")


def test_a_server_of_others_is_not_ours_to_start_or_stop(call: Run) -> None:
    url = "postgresql://me:secret@db.example/record?sslmode=require"
    for words in ("db start", "db stop"):
        answer = call(*words.split(), TAPETRAIL_DATABASE_URL=url)
        assert_refused(answer, 2, "not ours to start or stop")
        assert "secret" not in answer.err
    away = "postgresql://me:secret@127.0.0.1:1/record"
    for role in ("reader", "app", "owner"):
        answer = call("db", "url", "--role", role, TAPETRAIL_DATABASE_URL=away)
        assert_refused(answer, 5, "PostgreSQL did not answer")
        assert "secret" not in answer.err


def test_a_misspelt_variable_is_refused(call: Run, tmp_path: Path) -> None:
    answer = call("decisions", "list", TAPETRAIL_HOEM=str(tmp_path))
    assert_refused(answer, 2, "TAPETRAIL_HOEM", "TAPETRAIL_HOME")


@pytest.mark.service
@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ("decisions show 99", 3, "the newest is 2"),
        ("analyses show 99", 3, "no analysis 99"),
        ("charts save 99", 3, "no chart 99"),
        ("decisions list --cursor abc", 2, "cursor 'abc'"),
    ],
)
def test_what_the_record_does_not_have_is_refused(
    *, words: str, code: int, part: str, ask: Run
) -> None:
    assert_refused(ask(*words.split()), code, part)


@pytest.mark.service
def test_a_file_that_cannot_be_written_is_refused_and_leaves_nothing(
    ask: Run, tmp_path: Path
) -> None:
    answer = ask("charts", "save", "1", "-o", "/proc/chart.jpg")
    assert_refused(answer, 5, "could not write '/proc/chart.jpg'")
    long = tmp_path / ("x" * 300)
    assert_refused(ask("charts", "save", "1", "-o", str(long)), 5, "could not write")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.service
def test_output_that_cannot_be_written_is_refused(recorded: Recorded) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = subprocess.run(
            recorded.terminal.command("decisions", "list"),
            env=recorded.terminal.environment(),
            stdout=full, stderr=subprocess.PIPE, encoding="utf-8", timeout=60, check=False,
        )  # fmt: skip
    assert ended.returncode == 5
    assert ended.stderr.startswith("Error: could not write to standard output\n  No space left")


@pytest.mark.service
def test_a_reader_that_stops_early_ends_the_command_in_silence(recorded: Recorded) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        recorded.terminal.command("decisions", "list", "--json"),
        env=recorded.terminal.environment(),
        stdout=writing, stderr=subprocess.PIPE, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, "")


DEFECT = """
import sys
from tapetrail.cli.terminal.failures import show_defect
sys.excepthook = show_defect
raise {what}
"""


def raised(what: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", DEFECT.format(what=what)],
        env={**os.environ, "TAPETRAIL_DEBUG": ""},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_a_defect_is_one_line_that_says_how_to_see_more() -> None:
    ended = raised("ZeroDivisionError('by \\x1b[31mzero')")
    assert ended.returncode == 1
    assert ended.stderr == (
        "Error: a defect of TapeTrail, please report it: ZeroDivisionError: by zero"
        " (TAPETRAIL_DEBUG=1 shows the traceback)\n"
    )


def test_what_the_system_refuses_beside_the_output_is_a_defect(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def command() -> int:
        return len(Path("/no/such/file").read_bytes())

    assert exit_code_of(command, hint="tapetrail status") == 1
    assert "a defect of TapeTrail, please report it: FileNotFoundError" in capsys.readouterr().err


def test_an_interrupt_outside_any_command_is_no_defect() -> None:
    ended = raised("KeyboardInterrupt")
    assert ended.returncode in {130, -2}
    assert ended.stderr == "\ninterrupted\n"


def test_debugging_shows_the_traceback_of_a_defect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPETRAIL_DEBUG", "1")
    show_defect(ValueError, ValueError("why"), None)
    assert "ValueError: why" in capsys.readouterr().err


def test_debugging_shows_the_traceback_of_an_error(call: Run, tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    answer = call("decisions", "list", TAPETRAIL_HOME=home, TAPETRAIL_DEBUG="1")
    assert answer.code == 3
    assert "Traceback" in answer.err


def test_the_command_that_mends_it_takes_the_place_of_the_hint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_error("schema is behind; it is old; run: tapetrail db upgrade", hint="tapetrail x")
    assert capsys.readouterr().err == (
        "Error: schema is behind\n  it is old\nTry: tapetrail db upgrade\n"
    )
    show_error("symbol 'x; run: rm -rf /': unknown", hint="tapetrail x")
    assert capsys.readouterr().err.endswith("Try: tapetrail x\n")


def test_messages_of_others_cannot_act(capsys: pytest.CaptureFixture[str]) -> None:
    show_error("bad \x1b[31mthing\u202e; why\nnot\x07", hint="tapetrail x")
    assert capsys.readouterr().err == ("Error: bad thing\\u202e\n  why\n  not\nTry: tapetrail x\n")


def test_every_exit_code_is_explained(call: Run) -> None:
    explained = call("help", "exit-codes")
    assert explained.code == 0
    for code, meaning in MEANINGS.items():
        assert f"{code:>3}  {meaning}" in explained.out
        assert meaning in call("--help").out


def test_the_page_on_the_command_line_names_every_command_exit_code_and_variable() -> None:
    page = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    for code, meaning in MEANINGS.items():
        assert f"| {code} | {meaning} |" in page
    for variable in VARIABLES:
        assert f"| `{variable}` |" in page
    commands = {
        "demo", "run", "worker", "executions", "decisions", "charts", "analyses", "signals",
        "status", "db", "help", "version",
    }  # fmt: skip
    assert {name for name in commands if f"`{name}" not in page} == set()
