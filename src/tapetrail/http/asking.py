"""A server of a record: asked with a key, its problems raised as the errors they are."""

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from tapetrail.core.errors import EdgeFailure, IntegrityFailure, InvalidInput, NotFound
from tapetrail.core.recording.taken import DecisionAbandoned, DecisionEnded
from tapetrail.http.calls import Call, Limits, Received, Secret, is_loopback
from tapetrail.http.transport import Transport

LIMITS: Final = Limits(connect_s=5, total_s=60, body_bytes_max=256 * 2**20)
OK_BELOW: Final = 300
SERVER_ERROR: Final = 500
BUSY: Final = frozenset({408, 425, 429})
_ERRORS: Final[Mapping[str, type[InvalidInput | NotFound | IntegrityFailure]]] = {
    "decision-abandoned": DecisionAbandoned,
    "decision-ended": DecisionEnded,
    "not-found": NotFound,
    "hash-mismatch": IntegrityFailure,
    "integrity-failed": IntegrityFailure,
}
"""By kind of problem: what a record at hand would raise. All others are `InvalidInput`."""


class Server:
    """A server at an address, and the key that lets this program in.

    Raises `InvalidInput` for an address to which a key would go in the clear.
    """

    def __init__(self, url: str, *, key: str, transport: Transport) -> None:
        self.url = checked_url(url)
        self._key = Secret(key, name="the key of the server", prefix="Bearer ")
        self._transport = transport

    def ask(
        self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Received:
        """Return what is answered: a POST of a body, or without one a GET.

        Raises `EdgeFailure` where the server is away or busy, and what the problem means otherwise.
        """
        call = Call(
            url=f"{self.url}{path}",
            body=body,
            headers=headers or {},
            secrets={"authorization": self._key},
        )
        came = self._transport.send(call, LIMITS)
        if came.http_status >= OK_BELOW:
            raise _error(self.url, came)
        return came

    def close(self) -> None:
        """Let the server go."""
        self._transport.close()


def checked_url(url: str) -> str:
    """Return the address of a server. Raises `InvalidInput` for one that a key cannot go to."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise InvalidInput(f"server {url}: expected an address such as https://trail.example.org")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise InvalidInput(
            f"server {url}: a key would travel in the clear; expected https, or this machine"
        )
    return url.rstrip("/")


def _error(url: str, came: Received) -> Exception:
    """Return what an answer that is none means here."""
    try:
        said = json.loads(came.body)
        name, detail = str(said["type"]).rpartition("/")[2], str(said["detail"])
        rules = [f"{each['pointer']}: {each['message']}" for each in said.get("errors", ())]
    except (ValueError, KeyError, TypeError):
        name, detail, rules = "", f"HTTP {came.http_status}", list[str]()
    text = f"{url}: {'; '.join([detail, *rules])}"
    if came.http_status >= SERVER_ERROR or came.http_status in BUSY:
        return EdgeFailure(text)
    return _ERRORS.get(name, InvalidInput)(text)
