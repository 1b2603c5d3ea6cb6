"""Keys that let programs in over a network: how they are written, and what they allow."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tapetrail.core.canonical import Digest, digest_text

PREFIX: Final = "ttk"
"""Begins every key, so that a search for secrets finds one that got lost."""
_NAME: Final = re.compile(r"[0-9a-f]{12}", re.ASCII)
_KEY: Final = re.compile(rf"{PREFIX}_([0-9a-f]{{12}})_([0-9a-f]{{64}})", re.ASCII)


class Scope(StrEnum):
    """What a caller may do; none of them holds another one."""

    READ = "read"
    WRITE = "write"
    EXPORT = "export"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """A key in two parts: `name` is shown and looked up by, `secret` is known to its holder."""

    name: str
    secret: str

    @property
    def text(self) -> str:
        """The key as it is handed over, once."""
        return f"{PREFIX}_{self.name}_{self.secret}"

    @property
    def digest(self) -> Digest:
        """What is stored of the secret, whose 256 bits of chance need no slow hash."""
        return digest_text(self.secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: the name that audits show, and what they may do.

    The owner is who holds the token of a server: their own account started it.
    """

    name: str
    key_name: str
    scopes: frozenset[Scope]
    is_owner: bool = False

    def speaks_for(self, actor: str) -> str:
        """Return who acts, where a caller says that it is this one: the owner is believed."""
        return actor if self.is_owner else f"{actor} by {self.name}"

    def may(self, scope: Scope) -> bool:
        """Whether this caller has a scope."""
        return scope in self.scopes


def is_key_name(text: str) -> bool:
    """Return whether a text could be the name of a key."""
    return _NAME.fullmatch(text) is not None


def parse_key(text: str) -> AccessKey | None:
    """Return the key that a text is, None where it is none."""
    found = _KEY.fullmatch(text)
    return None if found is None else AccessKey(name=found[1], secret=found[2])
