"""The file a backup is written to: ours alone from its first byte, and never somebody else's."""

import fcntl
import os
import threading
from pathlib import Path

import pytest

from tapetrail.backup_files import new_file
from tapetrail.core.errors import EdgeFailure


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "record.tar"


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    return tmp_path / "record.tar.unfinished"


def write(target: Path, content: bytes = b"a record") -> None:
    with new_file(target, may_replace=False) as file:
        file.write(content)


def test_a_symbolic_link_in_its_place_is_not_followed(
    target: Path, unfinished: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    unfinished.symlink_to(victim)
    with pytest.raises(EdgeFailure, match=r"record\.tar"):
        write(target)
    assert victim.read_bytes() == b"untouched"
    assert not target.exists()


def test_another_name_of_a_file_in_its_place_is_not_written_to(
    target: Path, unfinished: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    os.link(victim, unfinished)
    with pytest.raises(EdgeFailure, match="no plain file of this user"):
        write(target)
    assert victim.read_bytes() == b"untouched"


def test_what_somebody_left_in_its_place_gives_it_no_mode(target: Path, unfinished: Path) -> None:
    unfinished.write_bytes(b"left")
    unfinished.chmod(0o666)
    write(target)
    assert target.stat().st_mode & 0o777 == 0o600
    assert target.read_bytes() == b"a record"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_a_file_of_another_user_in_its_place_is_refused(target: Path, unfinished: Path) -> None:
    unfinished.touch()
    os.chown(unfinished, 4711, 4711)
    with pytest.raises(EdgeFailure, match="no plain file of this user"):
        write(target)


def test_who_opened_it_just_before_it_got_its_name_does_not_write_over_it(
    target: Path, unfinished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one opens the file of the first, and comes to hold it when it is finished."""
    asked, finished = threading.Event(), threading.Event()
    real = fcntl.flock

    def flock(descriptor: int, operation: int) -> None:
        if threading.current_thread() is second and not asked.is_set():
            asked.set()
            finished.wait(timeout=60)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    refused: list[str] = []

    def write_second() -> None:
        try:
            with new_file(target, may_replace=True) as file:
                file.write(b"the second")
        except EdgeFailure as error:
            refused.append(error.message)

    second = threading.Thread(target=write_second)
    with new_file(target, may_replace=False) as file:
        file.write(b"the first")
        second.start()
        assert asked.wait(timeout=60)
    with target.open("rb") as first:
        finished.set()
        second.join(timeout=60)
        assert first.read() == b"the first"
    assert not refused
    assert target.read_bytes() == b"the second"
    assert not unfinished.exists()
