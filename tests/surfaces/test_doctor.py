"""The doctor names what is wrong and how to mend it, begins no record, and shows no secret."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.surfaces.conftest import Answer, Recorded, Run

from tapetrail.store.private.restore_marks import held_mark
from tapetrail.store.private.server import PrivateServer

CheckRow = dict[str, str | None]


def checks(answer: Answer) -> dict[str, CheckRow]:
    return {row["name"]: row for row in json.loads(answer.out)["data"]}


def test_an_empty_folder_stays_empty(call: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    answer = call("doctor", "--json", TAPETRAIL_HOME=str(home))
    assert answer.code == 0
    assert checks(answer)["record"]["level"] == "warn"
    assert checks(answer)["record"]["fix"] == "tapetrail demo"
    assert [*tmp_path.iterdir()] == []


@pytest.mark.service
def test_a_sound_record_is_found_sound_and_left_as_it_is(recorded: Recorded, ask: Run) -> None:
    before = ask("decisions", "--json").out
    names = sorted(path.name for path in recorded.terminal.home.iterdir())
    answer = ask("doctor", "--json")
    assert answer.code == 0
    found = checks(answer)
    assert {"packages", "settings", "renderer", "calendars", "home", "disk"} <= found.keys()
    assert {name: found[name]["level"] for name in ("blobs", "database", "socket", "work")} == {
        "blobs": "ok", "database": "ok", "socket": "ok", "work": "ok",
    }  # fmt: skip
    assert ask("decisions", "--json").out == before
    assert sorted(path.name for path in recorded.terminal.home.iterdir()) == names
    plain = ask("doctor").out
    assert "ok    database    PostgreSQL " in plain


@pytest.mark.service
def test_what_is_open_to_others_is_named_with_its_remedy(recorded: Recorded, ask: Run) -> None:
    home = recorded.terminal.home
    address = PrivateServer(home=home).address_if_running()
    assert address is not None
    home.chmod(0o755)
    address.socket_dir.chmod(0o755)
    answer = ask("doctor", "--json")
    home.chmod(0o700)
    address.socket_dir.chmod(0o700)
    assert answer.code == 1
    assert checks(answer)["home"]["level"] == "warn"
    assert checks(answer)["home"]["fix"] == f"chmod 700 {home}"
    assert checks(answer)["socket"]["level"] == "fail"


def test_a_server_that_is_away_fails_the_check_and_no_password_is_shown(
    call: Run, tmp_path: Path
) -> None:
    tmp_path.joinpath("home").mkdir(mode=0o700)
    answer = call(
        "doctor",
        "--json",
        TAPETRAIL_HOME=str(tmp_path / "home"),
        TAPETRAIL_DATABASE_URL="postgresql://ann:s3cr3t@127.0.0.1:1/trail",
    )
    assert answer.code == 1
    assert checks(answer)["database"]["level"] == "fail"
    assert "s3cr3t" not in answer.out + answer.err


def test_a_restore_that_was_not_done_is_the_first_thing_to_mend(call: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with held_mark(home) as mark:
        mark.begin("0" * 32)
        answer = call("doctor", "--json", TAPETRAIL_HOME=str(home))
    assert answer.code == 1
    assert checks(answer)["record"]["fix"] == "tapetrail db restore FILE"


def test_a_home_that_nobody_can_write_is_a_failure(tmp_path: Path) -> None:
    # Root may write anywhere but into a file that is taken for a folder.
    script = "from tapetrail.cli.app import run_command_line as run; raise SystemExit(run())"
    (tmp_path / "file").write_text("x", encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-c", script, "doctor", "--json"],
        env={**os.environ, "TAPETRAIL_HOME": str(tmp_path / "file" / "home")},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert ended.returncode == 1
    found = {row["name"]: row for row in json.loads(ended.stdout)["data"]}
    assert found["home"]["level"] == "fail"


def test_keys_are_said_to_be_there_and_strategies_without_theirs_are_named(
    call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    keys = tmp_path / "keys"
    keys.write_text("OPENAI_API_KEY=s3cr3t\n", encoding="utf-8")
    keys.chmod(0o600)
    for name, analyst in (("cloud", "anthropic:m"), ("ours", "openai:m"), ("code", "nobody:m")):
        text = f"name: {name}\ninstruments: [IBM]\nanalyst: {analyst}\n"
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "other.yml").write_text("services: {}\n", encoding="utf-8")
    told = {"TAPETRAIL_HOME": str(tmp_path / "home"), "TAPETRAIL_KEYS_FILE": str(keys)}
    answer = call("doctor", "--json", **told)
    assert answer.code == 0
    found = checks(answer)["keys"]["found"]
    assert found == "there for openai, openai-chat of models; missing for anthropic, google"
    warned = [row for row in json.loads(answer.out)["data"] if row["name"] == "strategy"]
    assert [row["level"] for row in warned] == ["warn"]
    assert warned[0]["found"].startswith("cloud.yaml: anthropic: no key; set ANTHROPIC_API_KEY")
    keys.chmod(0o644)
    answer = call("doctor", "--json", **told)
    assert answer.code == 1
    assert checks(answer)["keys"]["level"] == "fail"
    assert f"chmod 600 {keys}" in str(checks(answer)["keys"]["found"])
    assert "s3cr3t" not in answer.out + answer.err


@pytest.mark.service
def test_a_report_says_what_helps_and_nothing_that_is_nobodys_business(
    recorded: Recorded, ask: Run
) -> None:
    key, place = "sk-very-secret-key", "https://ada:pw@models.example.org/v1"
    answer = ask(
        "doctor",
        "--report",
        OPENAI_API_KEY=key,
        BINANCE_BASE_URL=place,
        IBKR_BASE_URL="https://gateway.example.org:1/v1/api",
        IBKR_CA_FILE="/home/ada/gateway.pem",
        TAPETRAIL_ACTOR="Ada Lovelace",
        IBKR_VERIFY_TLS="true",
    )
    said = answer.out
    assert "<IBKR_VERIFY_TLS>" not in said
    assert "BINANCE_BASE_URL, IBKR_BASE_URL, IBKR_CA_FILE, IBKR_VERIFY_TLS, OPENAI_API_KEY" in said
    assert "ok    database    PostgreSQL " in said
    assert "<TAPETRAIL_HOME>" in said
    assert "decisions; failed: " in said
    home = recorded.terminal.home
    for secret in (
        key, place, "example.org", "Ada", "/ada", "gateway.pem", str(home), str(home.parent),
        "AAPL",
    ):  # fmt: skip
        assert secret not in said, secret


def test_a_report_without_a_record_creates_none(call: Run, tmp_path: Path) -> None:
    answer = call("doctor", "--report", TAPETRAIL_HOME=str(tmp_path / "home"))
    assert answer.code == 0
    assert "record: none that can be read" in answer.out
    assert [*tmp_path.iterdir()] == []
    both = call("doctor", "--report", "--json")
    assert (both.code, "expected one of them" in both.err) == (2, True)
