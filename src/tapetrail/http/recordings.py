"""Where programs tell to over a network: a server that takes bundles in."""

from collections.abc import Callable, Mapping, Sequence

from tapetrail.core.canonical import Digest
from tapetrail.core.errors import EdgeFailure
from tapetrail.core.recording.bundles import HOLDER, bundle_body, parse_taken
from tapetrail.core.recording.entries import Entry
from tapetrail.core.recording.taken import Content, Taken
from tapetrail.http.asking import Server
from tapetrail.http.calls import Received


class RemoteRecordings:
    """Takes entries in at a server. `holder` is who works on what it opens."""

    def __init__(self, server: Server, *, holder: str | None, new_id: Callable[[], str]) -> None:
        self._server = server
        self._holder = holder
        self._new_id = new_id

    def open(self) -> None:
        """Reach the record. Raises `EdgeFailure` where it is away."""
        self.renew()

    def take(self, entries: Sequence[Entry], contents: Mapping[Digest, Content]) -> Sequence[Taken]:
        """Return what became of each entry, all of them committed."""
        return self._taken("/api/recordings", entries, contents)

    def take_again(
        self, entries: Sequence[Entry], contents: Mapping[Digest, Content]
    ) -> Sequence[Taken]:
        """Take a whole bundle in, whose decision was given up before its end was told."""
        return self._taken("/api/recordings?again=true", entries, contents)

    def renew(self) -> None:
        """Say that everything this program has opened is in work."""
        if self._holder is None:
            self._sent("/api", None)
        else:
            self._sent("/api/recordings/renew", b"", {"content-type": "application/json"})

    def close(self) -> None:
        """Let the server go."""
        self._server.close()

    def _taken(
        self, path: str, entries: Sequence[Entry], contents: Mapping[Digest, Content]
    ) -> Sequence[Taken]:
        boundary = self._new_id()
        body = bundle_body(entries, contents, boundary=boundary)
        headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        came = self._sent(path, body, headers)
        try:
            return parse_taken(came.body)
        except ValueError as error:
            raise EdgeFailure(
                f"{self._server.url}{path}: what came back says nothing of rows"
            ) from error

    def _sent(
        self, path: str, body: bytes | None, headers: Mapping[str, str] | None = None
    ) -> Received:
        own = {} if self._holder is None else {HOLDER: self._holder}
        return self._server.ask(path, body, {**own, **(headers or {})})
