"""What goes out and what comes back: a call with its secrets apart, and the bytes of the reply.

Hosts of this machine are told apart: http with a key is safe there, and no proxy is asked.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput
from tapetrail.core.http_words import SECRET_CHARS_MIN

BODY_BYTES_MAX: Final = 10_000_000
THIS_HOST: Final = "localhost"
THIS_NETWORKS: Final = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
REQUEST_IDS: Final = ("x-request-id", "request-id")
_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")


class Secret:
    """A key that is sent, behind its prefix, and shown by nothing."""

    __slots__ = ("_key", "_prefix")

    def __init__(self, key: str, *, name: str, prefix: str = "") -> None:
        """Raise `InvalidInput` for what no header takes; it names the place, and not the key."""
        if not _SENDABLE.fullmatch(key):
            raise InvalidInput(
                f"{name}: a key is letters, digits and signs; this one is empty, or has a blank, a"
                " line end or another character in it"
            )
        self._key = key
        self._prefix = prefix

    def reveal(self) -> str:
        """Return the header's value, for the transport alone."""
        return self._prefix + self._key

    def is_in(self, content: bytes) -> bool:
        """Return whether bytes hold the key; a short one, as `ollama`, is a word and no key."""
        return len(self._key) >= SECRET_CHARS_MIN and self._key.encode() in content

    def __repr__(self) -> str:
        """Return that there is one."""
        return "Secret(***)"

    def __reduce__(self) -> str:
        """Raise `TypeError`: a secret is not written anywhere."""
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: a POST of exactly these bytes of JSON, or without them a GET.

    `secrets` are headers too. A query is part of `url`, as it goes out.
    """

    url: str
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, Secret] = field(default_factory=dict[str, Secret])


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a call may take, and how large its reply may be."""

    connect_s: float = 10
    total_s: float = 600
    body_bytes_max: int = BODY_BYTES_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What came back: the bytes as they lay on the wire, and those headers that are kept.

    `is_partial` says that the connection ended, or a limit was met, before all of it had come.
    """

    http_status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    sent_at: datetime
    first_byte_at: datetime
    ended_at: datetime
    is_partial: bool = False

    @property
    def media_type(self) -> str:
        """What the body is said to be, empty where nothing is said."""
        return self.headers.get("content-type", "")

    @property
    def provider_request_id(self) -> str | None:
        """The number under which the provider knows the call, None where it gives none."""
        return next((self.headers[name] for name in REQUEST_IDS if name in self.headers), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose certificates are taken: those that this machine trusts, or those in `ca_file` alone.

    Unless `is_checked`, anybody's are, so that whoever answers may be somebody else.
    """

    ca_file: str | None = None
    is_checked: bool = True


CHECKED: Final = Trust()


class BrokenOff(EdgeFailure):
    """A response that began and did not end; `received` is what came of it."""

    def __init__(self, message: str, *, kind: ErrorKind, received: Received) -> None:
        super().__init__(message, kind=kind)
        self.received = received


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its name or number."""
    try:
        return host == THIS_HOST or any(ipaddress.ip_address(host) in net for net in THIS_NETWORKS)
    except ValueError:
        return False
