"""A backup of a damaged record holds all the rest; a changed backup is told from what it was."""

import hashlib
import json
from pathlib import Path

import pytest
from tests.surfaces.backup_members import changed, files, members, packed
from tests.surfaces.conftest import Run

from tapetrail.core.verification.verdict import REMEDY

pytestmark = pytest.mark.service


def test_a_damaged_blob_is_named_and_everything_else_is_backed_up_and_restored(
    backup: Path, call: Run, tmp_path: Path
) -> None:
    home, again = tmp_path / "home", tmp_path / "again"
    assert call("db", "restore", str(backup), TAPETRAIL_HOME=str(home)).code == 0
    changed, lost, *whole = sorted(
        path for path in (home / "blobs").rglob("*") if path.is_file() and path.suffix == ".jpg"
    )
    changed.write_bytes(changed.read_bytes()[:-1])
    lost.unlink()
    file = tmp_path / "record.tar"
    made = call("db", "backup", str(file), TAPETRAIL_HOME=str(home))
    assert made.code == 1
    assert made.err.startswith("Error: 2 stored objects were damaged and not backed up")
    assert made.err.rstrip().endswith(f"Try: {REMEDY}")
    keys = [str(path.relative_to(home / "blobs")) for path in (changed, lost)]
    assert all(key in made.err for key in keys)
    names = [member.name for member, _ in members(file)]
    assert f"blobs/{whole[0].relative_to(home / 'blobs')}" in names
    assert not {f"blobs/{key}" for key in keys} & {*names}
    restored = call("db", "restore", str(file), "--json", TAPETRAIL_HOME=str(again))
    assert restored.code == 1
    assert json.loads(restored.out)["damaged"] == keys
    kept = files(home / "blobs")
    del kept[keys[0]]
    assert files(again / "blobs") == kept
    found = call("verify", "--json", TAPETRAIL_HOME=str(again))
    assert found.code == 1
    assert sorted(fault["recorded"] for fault in json.loads(found.out)["faults"]) == keys


def test_a_blob_that_is_not_the_one_in_the_database_is_found_though_the_sums_were_made_anew(
    backup: Path, call: Run, tmp_path: Path
) -> None:
    content = {member.name: data for member, data in members(backup)}
    name = next(name for name in content if name.endswith(".jpg"))
    was, content[name] = content[name], changed(name, content[name])
    before, after = (hashlib.sha256(data).hexdigest() for data in (was, content[name]))
    sums = content["SHA256SUMS"].decode().replace(f"{before}  {name}\n", f"{after}  {name}\n")
    manifest = json.loads(content["manifest.json"])
    manifest["sums_digest"] = f"sha256:{hashlib.sha256(sums.encode()).hexdigest()}"
    content |= {"SHA256SUMS": sums.encode(), "manifest.json": json.dumps(manifest).encode()}
    forged, home = packed(tmp_path / "forged.tar", [*content.items()]), tmp_path / "home"
    refused = call("db", "restore", str(forged), TAPETRAIL_HOME=str(home))
    assert refused.code == 1
    assert refused.err.startswith(
        f"Error: the backup is damaged\n  {name}: expected sha256:{before}, as the database has"
        f" it, found sha256:{after}\n"
    )
    assert "Try: restore another backup" in refused.err
    assert not (home / "blobs").exists()
    assert call("db", "restore", str(backup), TAPETRAIL_HOME=str(home)).code == 0
