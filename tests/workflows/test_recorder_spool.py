"""A spool in which a bundle is damaged: the others are sent, and it is named and stays."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.edges.waiting import wait_for
from tests.homes import held_home
from tests.workflows.recordings import PNG, assert_sound, read

import tapetrail
from tapetrail.sdk.spool import ENTRIES, OBJECTS, Spool

pytestmark = pytest.mark.service

NOBODY: Final = "postgresql://nobody@127.0.0.1:1/nowhere"
HURT: Final = ("BYTES", "WORDS", "OBJECT", "FOLDER")
SYMBOLS: Final = ("FIRST", *HURT, "LAST")


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path) -> Iterator[Path]:
    with held_home(prepared_home, tmp_path / "home") as found:
        yield found


@pytest.fixture
def bundles(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders of decisions of one run, told to nobody; the last one is the end of the run."""
    with monkeypatch.context() as patch:
        patch.setenv("TAPETRAIL_DATABASE_URL", NOBODY)
        recorder = tapetrail.recorder(home, on_error="spool", max_wait=0.2)
        with recorder.execution("told") as run:
            for symbol in SYMBOLS:
                with run.decision(symbol) as decision:
                    decision.log_chart(PNG + symbol.encode())
                    assert not decision.log_signal("buy").is_recorded
        with pytest.warns(UserWarning, match=f"{len(SYMBOLS) + 1} bundles lie in the spool"):
            recorder.close()
    spool = Spool(home / "spool")
    return [spool.folder / name for name in spool.names()]


def _with_a_line_of_bytes(bundle: Path) -> None:
    lines = (bundle / ENTRIES).read_bytes().split(b"\n")
    (bundle / ENTRIES).write_bytes(b"\n".join([lines[0], b"\xff\x00 \x9c", *lines[1:]]))


def _with_a_line_of_other_words(bundle: Path) -> None:
    text = (bundle / ENTRIES).read_bytes()
    (bundle / ENTRIES).write_bytes(text.replace(b'"WORDS"', b'{"of":"WORDS"}', 1))


def _with_other_bytes(bundle: Path) -> None:
    for path in (bundle / OBJECTS).iterdir():
        path.write_bytes(b"other bytes")


def _with_a_folder_for_a_file(bundle: Path) -> None:
    for path in (bundle / OBJECTS).iterdir():
        path.unlink()
        path.mkdir()


DAMAGES: Final[dict[Callable[[Path], None], str]] = {
    _with_a_line_of_bytes: "line 2",
    _with_a_line_of_other_words: "line 2",
    _with_other_bytes: "other bytes than its name says",
    _with_a_folder_for_a_file: "directory",
}
"""What can become of a bundle, and what is said of it."""


def test_damaged_bundles_are_named_and_stay_and_the_others_are_sent(
    home: Path, bundles: list[Path]
) -> None:
    hurt = bundles[1:-2]
    shutil.copytree(home / "spool", home / "whole")
    for bundle, damage in zip(hurt, DAMAGES, strict=True):
        damage(bundle)
    listed = spool(home, "list", "--json")
    states = [str(row["state"]) for row in json.loads(listed.stdout)["data"]]
    assert (states[0], states[-2], states[-1]) == ("whole", "whole", "whole")
    for state, said in zip(states[1:-2], DAMAGES.values(), strict=True):
        assert state.startswith("damaged: ")
        assert said in state
    for taken, of_all in ((3, 7), (0, 4)):
        sent = spool(home, "send")
        assert (sent.returncode, sent.stdout) == (1, f"sent {taken} of {of_all}\n")
        for bundle, said in zip(hurt, DAMAGES.values(), strict=True):
            assert f"{bundle.name}: not taken: " in sent.stderr
            assert said in sent.stderr
    assert decided(home) == ["FIRST", "LAST"]
    # Mended, they are told of a run that has ended: they lie in one beside it.
    shutil.rmtree(home / "spool")
    (home / "whole").rename(home / "spool")
    assert spool(home, "send").stdout == "sent 7 of 7\n"
    assert decided(home) == ["FIRST", "LAST", *HURT]
    assert_sound(home)


def test_a_recorder_sends_what_lies_beside_a_damaged_bundle(
    home: Path, bundles: list[Path]
) -> None:
    _, hurt, *_ = bundles
    _with_other_bytes(hurt)
    recorder = tapetrail.recorder(home, on_error="spool")
    wait_for(lambda: Spool(home / "spool").names() == [hurt.name])
    with recorder.execution("later") as run, run.decision("NEXT") as decision:
        assert decision.log_signal("hold").is_recorded
    with pytest.warns(UserWarning, match="1 bundles lie in the spool"):
        recorder.close()
    assert decided(home) == [*(each for each in SYMBOLS if each != HURT[0]), "NEXT"]


def decided(home: Path) -> list[object]:
    """Return the symbols of the decisions that completed, oldest first."""
    rows = read(home, "decisions")
    return [row["symbol"] for row in rows if row["status"] == "completed"]


def spool(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run `tapetrail spool` on a home."""
    return subprocess.run(
        [sys.executable, "-m", "tapetrail", "spool", *words],
        env={**os.environ, "TAPETRAIL_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
