"""A real S3 server for tests: SeaweedFS in one process, on this machine alone."""

import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig
from obstore.store import S3Store
from tests.edges.waiting import wait_for

from tapetrail.s3_settings import S3Settings

PROGRAM: Final = Path(sys.executable).with_name("weed")
ACCESS_KEY: Final = "tests"
SECRET_KEY: Final = "a-secret-of-tests"  # noqa: S105 # of a server that lives for a test
LISTENING: Final = ("master", "volume", "filer", "s3", "admin")
VOLUMES_MAX: Final = 4096
_numbers = itertools.count(1)


@dataclass(slots=True)
class S3Server:
    """A server in a folder, which can be killed and started again in its place."""

    folder: Path
    ports: Mapping[str, int]
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3.port']}"

    def settings(self, bucket: str, *, prefix: str = "") -> S3Settings:
        """Return how a bucket of this server is reached."""
        return S3Settings(
            bucket=bucket,
            prefix=prefix,
            endpoint=self.endpoint,
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
        )

    def environment(self, bucket: str) -> dict[str, str]:
        """Return the variables that have the command line use a bucket of this server."""
        return {
            "TAPETRAIL_BLOBS": f"s3://{bucket}/trail",
            "TAPETRAIL_S3_ENDPOINT": self.endpoint,
            "TAPETRAIL_S3_ACCESS_KEY": ACCESS_KEY,
            "TAPETRAIL_S3_SECRET_KEY": SECRET_KEY,
        }

    def admin(self) -> Minio:
        """Return another client than ours."""
        port = self.ports["s3.port"]
        return Minio(
            f"127.0.0.1:{port}",
            ACCESS_KEY,
            SECRET_KEY,
            secure=False,
            region="us-east-1",
            http_client=urllib3.PoolManager(retries=False),
        )

    def new_bucket(self, *, is_locked: bool = False, is_versioned: bool = False) -> str:
        """Create a bucket and return its name."""
        name, admin = f"bucket-{os.getpid()}-{next(_numbers)}", self.admin()
        admin.make_bucket(name, object_lock=is_locked)
        if is_versioned:
            admin.set_bucket_versioning(name, VersioningConfig(ENABLED))
        return name

    def start(self) -> None:
        """Start the server and return once it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        words = {
            "dir": self.folder,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "s3.autoCreateBucket": "false",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "master.telemetry": "false",
            "webdav": "false",
            # Each bucket takes several volumes; by default there are as many as the disk has room.
            "volume.max": VOLUMES_MAX,
            "admin.ui": "false",
            **self.ports,
        }
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "mini", *(f"-{name}={value}" for name, value in words.items())],
                env={
                    **os.environ,
                    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
                    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for(self._answers)

    def kill(self) -> None:
        """End the server at once, as a failure of its machine would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        with suppress(Exception):
            self.admin().list_buckets()
            return True
        return False


@contextmanager
def running_s3(folder: Path) -> Generator[S3Server]:
    """Give a server that runs until the end."""
    names = [f"{name}.port{kind}" for name in LISTENING for kind in ("", ".grpc")]
    server = S3Server(folder, dict(zip(names, free_ports(len(names)), strict=True)))
    server.start()
    try:
        yield server
    finally:
        server.kill()


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on; they are held together, so that none comes twice."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def raw_store(settings: S3Settings) -> S3Store:
    """Return the bucket, below no prefix, as whoever damages it has it."""
    return S3Store(
        settings.bucket,
        endpoint=settings.address,
        region=settings.region,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        client_options={"allow_http": True},
    )


def raw_keys(server: S3Server, bucket: str) -> list[str]:
    """Return the keys of all objects in the bucket."""
    found = server.admin().list_objects(bucket, recursive=True)
    return sorted(str(each.object_name) for each in found)
