"""Backups taken apart, altered and packed again, and homes as files."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from tests.surfaces.conftest import Run


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def members(backup: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(backup) as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            yield member, content.read()


def packed(file: Path, content: list[tuple[str, bytes]]) -> Path:
    with tarfile.open(file, "w") as archive:
        for name, data in content:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file


def changed(name: str, content: bytes) -> bytes:
    """Return other bytes of the same length."""
    assert content, name
    return bytes([content[0] ^ 1]) + content[1:]


def restore_of(file: Path, call: Run, tmp_path: Path) -> str:
    """Return code and words of a restore that has to be refused and to leave nothing."""
    home = tmp_path / "home"
    answer = call("db", "restore", str(file), TAPETRAIL_HOME=str(home))
    assert not home.exists()
    return f"{answer.code} {answer.err}"
