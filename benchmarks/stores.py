"""What a store of bytes costs beside a bare file and a bare client, and decisions beside a home's.

An object of 300 KB is put and got, in turns with the same by what a store stands on: a file that is
written, synced and read, with its digest; the S3 client without us, with its digest. CPU time of
this process, the median of rounds in turns. Then the demo runs in a home, and on a PostgreSQL
server with a bucket, on this machine. Run it with `python -m benchmarks.stores`; the servers are
those of the tests.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Final

import obstore
from tests.postgres_server import DEBIAN, debian_versions, running_cluster
from tests.s3_server import S3Server, raw_store, running_s3

from benchmarks.skipped import Skipped
from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.blobs.protocol import BlobStore
from tapetrail.blobs.s3 import S3Blobs
from tapetrail.core.canonical import digest_bytes

SIZE: Final = 300_000
OBJECTS: Final = 100
ROUNDS: Final = 9
OWED: Final = 1.3
DECISIONS: Final = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSpeed:
    """CPU milliseconds of a put and of a get, by store, ours and bare; decisions per second."""

    ours_ms: Mapping[str, float]
    bare_ms: Mapping[str, float]
    home_per_s: float
    server_per_s: float

    def __str__(self) -> str:
        """Return a line for each store and question, and one that compares decisions."""
        lines = [
            f"{name} of {SIZE // 1000} KB: {self.ours_ms[name]:.2f} ms CPU,"
            f" {self.ours_ms[name] / self.bare_ms[name]:.2f} x the bare {self.bare_ms[name]:.2f} ms"
            f" (owed {OWED} x)"
            for name in self.ours_ms
        ]
        ratio = self.server_per_s / self.home_per_s
        lines.append(
            f"decisions on a server and in a bucket: {self.server_per_s:.1f} a second,"
            f" {ratio:.2f} x the {self.home_per_s:.1f} of a home"
        )
        return "\n".join(lines)


def measure() -> StoreSpeed:
    """Return what stores cost. Raises `Skipped` without Debian's PostgreSQL 15."""
    if "15" not in debian_versions():
        raise Skipped("Debian's PostgreSQL 15 is not installed")
    with TemporaryDirectory() as folder, running_s3(Path(folder) / "s3") as s3:
        cpu = {**_folder(Path(folder)), **_bucket(s3)}
        home = _demo_per_s(Path(folder) / "home", {})
        with running_cluster(DEBIAN / "15" / "bin") as cluster:
            there = {
                "TAPETRAIL_DATABASE_URL": cluster.new_customer("bench", "CREATEROLE"),
                **s3.environment(s3.new_bucket()),
            }
            _run(Path(folder) / "none", there, "db", "upgrade")
            server = _demo_per_s(Path(folder) / "none", there)
    return StoreSpeed(
        ours_ms={name: ours for name, (ours, _) in cpu.items()},
        bare_ms={name: bare for name, (_, bare) in cpu.items()},
        home_per_s=home,
        server_per_s=server,
    )


def _folder(folder: Path) -> Mapping[str, tuple[float, float]]:
    """Return ours and bare of a put and a get in a folder."""
    blobs, bare = DirectoryBlobs(root=folder / "ours"), folder / "bare"
    (folder / "bare").mkdir()

    def put(key: str, content: bytes) -> None:
        hashlib.sha256(content).hexdigest()
        path = bare / key.replace("/", "-")
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(unfinished, path)
        unfinished.unlink()
        descriptor = os.open(bare, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)

    def get(key: str) -> None:
        hashlib.sha256((bare / key.replace("/", "-")).read_bytes()).hexdigest()

    return _compared("file", blobs, put=put, get=get)


def _bucket(s3: S3Server) -> Mapping[str, tuple[float, float]]:
    """Return ours and bare of a put and a get in a bucket."""
    ours, bare = s3.settings(s3.new_bucket()), s3.settings(s3.new_bucket())
    store = raw_store(bare)

    def put(key: str, content: bytes) -> None:
        hashlib.sha256(content).hexdigest()
        obstore.put(store, key, content, mode="create", use_multipart=False)

    def get(key: str) -> None:
        hashlib.sha256(bytes(obstore.get(store, key).bytes())).hexdigest()

    return _compared("object", S3Blobs(ours), put=put, get=get)


def _compared(
    name: str,
    blobs: BlobStore,
    *,
    put: Callable[[str, bytes], None],
    get: Callable[[str], None],
) -> Mapping[str, tuple[float, float]]:
    puts, gets = list[tuple[float, float]](), list[tuple[float, float]]()
    for number in range(ROUNDS):
        contents = {
            f"objects/{number:02d}/{at}": os.urandom(SIZE) for at in range(OBJECTS // ROUNDS)
        }
        digests = [(key, digest_bytes(content)) for key, content in contents.items()]
        puts.append(
            (
                _ms([lambda k=k, c=c: blobs.put(c, key=k) for k, c in contents.items()]),
                _ms([lambda k=k, c=c: put(k, c) for k, c in contents.items()]),
            )
        )
        gets.append(
            (
                _ms([lambda k=k, d=d: blobs.read(k, digest=d) for k, d in digests]),
                _ms([lambda k=k: get(k) for k in contents]),
            )
        )
    return {f"{name}, put": _medians(puts), f"{name}, get": _medians(gets)}


def _medians(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return median(ours for ours, _ in pairs), median(bare for _, bare in pairs)


def _ms(calls: Sequence[Callable[[], object]]) -> float:
    """Return the CPU milliseconds of a call; threads of the client count as well."""
    began = process_time()
    for call in calls:
        call()
    return (process_time() - began) * 1000 / len(calls)


def _demo_per_s(home: Path, more: Mapping[str, str]) -> float:
    """Return the demo's decisions per second, a start of it with nothing to do not counted."""
    began = perf_counter()
    _run(home, more, "demo", "--no-serve")
    middle = perf_counter()
    _run(home, more, "demo", "--no-serve")
    return DECISIONS / (middle - began - (perf_counter() - middle))


def _run(home: Path, more: Mapping[str, str], *words: str) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TAPETRAIL_")}
    environment = {**kept, "TAPETRAIL_HOME": str(home), "XDG_CONFIG_HOME": str(home), **more}
    ended = subprocess.run(  # noqa: S603 # our own command line
        [sys.executable, "-m", "tapetrail", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode not in {0, 1}:  # the demo's own failures are part of it
        raise AssertionError(json.dumps([*words, ended.stderr]))


if __name__ == "__main__":
    print(measure())  # noqa: T201 # results are output
