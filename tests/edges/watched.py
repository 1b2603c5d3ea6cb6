"""What tests of watching share: an observer that remembers, and what a model server says."""

import json
import os
import subprocess
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tests import wire_replies, wire_streams
from tests.raw_server import Asked, RawServer, Reply

from tapetrail.sdk.calls_seen import Received, Sent
from tapetrail.sdk.watching import Watching

ROOT: Final = Path(__file__).parents[2]
START: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)
TIMEOUT_S: Final = 20
KEY: Final = "sk-SECRET-0123456789abcdef"
TEXT: Final = "Up trend — ja 🚀"
WAYS: Final = (
    ("/responses", wire_streams.responses_stream, wire_replies.responses_of),
    ("/chat/completions", wire_streams.chat_stream, wire_replies.chat_of),
    ("/messages", wire_streams.anthropic_stream, wire_replies.message_of),
    ("enerateContent", wire_streams.google_stream, wire_replies.generated_of),
)


@dataclass(kw_only=True)
class Seen:
    """An observer that remembers what it is told, and what `notes` says when a call begins."""

    calls: list[tuple[Sent, Received]] = field(default_factory=list[tuple[Sent, Received]])
    begun: list[Sent] = field(default_factory=list[Sent])
    noted: list[object] = field(default_factory=list[object])
    notes: Callable[[], object] = lambda: None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def begin(self, sent: Sent) -> object:
        with self.changed:
            self.begun.append(sent)
            self.noted.append(self.notes())
        return sent

    def end(self, token: object, received: Received) -> None:
        assert isinstance(token, Sent)
        with self.changed:
            self.calls.append((token, received))
            self.changed.notify_all()

    @property
    def bodies(self) -> list[tuple[bytes | None, bytes]]:
        return [(sent.body, received.body) for sent, received in self.calls]

    @property
    def only(self) -> tuple[Sent, Received]:
        assert len(self.calls) == len(self.begun) == 1, self.calls
        return self.calls[0]

    def await_calls(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.calls) >= count, TIMEOUT_S)


class Clock:
    """Says one second more each time."""

    def __init__(self) -> None:
        self._at = START

    def __call__(self) -> datetime:
        self._at += timedelta(seconds=1)
        return self._at


@contextmanager
def watching(
    seen: Seen, server: RawServer | None = None, *, clients: Sequence[object] = (),
    hosts: Iterable[str] = (),
) -> Generator[Watching]:  # fmt: skip
    """Give what watches a server, until the end; nothing went wrong on the way."""
    named = [*hosts, *([f"127.0.0.1:{server.port}"] if server else [])]
    found = Watching(seen, clock=Clock(), clients=clients, hosts=named)
    with found:
        yield found
    assert found.problems == []


def model_reply(asked: Asked) -> Reply:
    """Return what a model says, in the wire format that was asked in, as a stream if it was."""
    path = asked.path.partition("?")[0]
    stream, whole = next((s, w) for ending, s, w in WAYS if path.endswith(ending))
    if asked.is_streamed:
        kind = {"content-type": "text/event-stream"}
        return Reply(
            headers=kind, pieces=tuple(stream(("Up ", "trend ", "— ja 🚀"))), is_chunked=True
        )
    return Reply(pieces=(json.dumps(whole(TEXT, "some-model")).encode(),))


def seen_by_script(
    python: Path, name: str, url: str, *, backend: str = ""
) -> tuple[list[dict[str, str]], str]:
    """Return what a process of its own sees of calls through an SDK, and what it cannot see."""
    script = ROOT / "tests" / "edges" / "release_calls.py"
    found = subprocess.run(
        [python, script, name, url, backend],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [json.loads(line) for line in found.stdout.splitlines()], found.stderr
