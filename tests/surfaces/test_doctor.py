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
