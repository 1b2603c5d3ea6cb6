"""Who is let in over a network: holders of keys on record, and of the token of a server."""

import hmac
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final

from tapetrail.core.access_keys import AccessKey, Caller, Scope, parse_key
from tapetrail.core.canonical import Digest, instant_text
from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.core.records.access import ApiKeyEndRecord, ApiKeyRecord
from tapetrail.core.records.base import Record
from tapetrail.core.records.runs import AuditRecord
from tapetrail.store import api_keys
from tapetrail.store.access import Access
from tapetrail.store.api_keys import KnownKey
from tapetrail.usecases.parts import Process

USE_NOTED: Final = timedelta(minutes=1)
"""How often it is noted, at most, that a key is used."""
LABEL_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just made: its number, and its text, which nobody can tell again."""

    id: int
    text: str
    label: str
    scopes: Sequence[Scope]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A signed link to a path: the words of its query, and when it ends."""

    words: Mapping[str, str]
    expires_at: str


class Keyring:
    """The keys of a record. `token` is that of a server: whoever can read it may do everything."""

    def __init__(
        self,
        access: Access,
        *,
        process: Process,
        token: AccessKey | None = None,
    ) -> None:
        self._access = access
        self._process = process
        self._token = token
        self._noted: dict[int, datetime] = {}
        self._turn = threading.Lock()

    def caller_of(self, text: str) -> Caller | None:
        """Return who holds a key that is good now, None for nobody."""
        stated = parse_key(text)
        if stated is None:
            return None
        token = self._token
        if token is not None and stated.name == token.name:
            is_it = compare_digest(stated.digest, token.digest)
            owner = Caller(
                name=self._process.actor,
                key_name=token.name,
                scopes=frozenset(Scope),
                is_owner=True,
            )
            return owner if is_it else None
        with self._access.reading() as connection:
            known = api_keys.by_name(connection, stated.name)
        if known is None or not compare_digest(stated.digest, known.secret_digest):
            return None
        at = self._process.clock()
        if not known.is_good(at):
            return None
        self._note_use(known.id, at)
        return Caller(
            name=f"key {known.id} ({known.label})",
            key_name=known.key_name,
            scopes=frozenset(map(Scope, known.scopes)),
        )

    def link(self, caller: Caller, path: str, *, expires_s: int, origin: str) -> Link:
        """Return a link by which a path is read without a key.

        It is good until its end, or that of the key that made it. Pages of `origin` may show it.
        """
        ends = instant_text(self._process.clock() + timedelta(seconds=expires_s))
        words = {"expires": ends, "key": caller.key_name, "origin": origin}
        signature = _signature(self._signing(caller.key_name), path, words)
        return Link(words={**words, "signature": signature}, expires_at=ends)

    def caller_of_link(self, path: str, words: Mapping[str, str]) -> Caller | None:
        """Return who is let in by a link to a path, to read it; None where it is not good."""
        signature, expires = words.get("signature", ""), words.get("expires", "")
        stated = {name: words.get(name, "") for name in ("expires", "key", "origin")}
        if set(words) != {*stated, "signature"}:
            return None
        signing = self._signing(stated["key"])
        is_signed = compare_digest(_signature(signing, path, stated), signature)
        if signing is None or not is_signed or instant_text(self._process.clock()) >= expires:
            return None
        who = f"a link of key {stated['key']}"
        return Caller(name=who, key_name=stated["key"], scopes=frozenset({Scope.READ}))

    def _signing(self, key_name: str) -> Digest | None:
        """Return what links of a key are signed with, None where it lets nobody in."""
        if self._token is not None and key_name == self._token.name:
            return self._token.digest
        with self._access.reading() as connection:
            known = api_keys.by_name(connection, key_name)
        return known.secret_digest if known and known.is_good(self._process.clock()) else None

    def create(
        self,
        label: str,
        *,
        scopes: Sequence[Scope],
        expires_at: datetime | None = None,
        actor: str | None = None,
    ) -> NewKey:
        """Make a key. Raises `InvalidInput` without a scope, and for an end that has passed."""
        said = " ".join(label.split())
        if not said or len(said) > LABEL_MAX or not said.isprintable():
            rule = f"expected a name of 1 to {LABEL_MAX} letters"
            raise InvalidInput(f"key {said[:LABEL_MAX]!r}: {rule}", rule=rule)
        if not scopes:
            rule = f"no scope, expected some of {', '.join(Scope)}"
            raise InvalidInput(f"key {said}: {rule}", rule=rule)
        if expires_at is not None and expires_at <= self._process.clock():
            rule = "it would have ended already"
            raise InvalidInput(f"key {said}: {rule}", rule=rule)
        return self._append(said, scopes=scopes, expires_at=expires_at, actor=actor)

    def end(self, number: int, *, reason: str | None = None, actor: str | None = None) -> None:
        """End a key: it lets nobody in from now on. Twice is the same as once."""
        from tapetrail.store import appends  # noqa: PLC0415 # readers do without

        known = self._known(number)
        if known.has_ended:
            return
        who, at = actor or self._process.actor, self._process.clock()
        with self._access.writing() as session:
            for row in _end(known, reason=reason, actor=who, at=at):
                appends.append(session, row)

    def rotate(self, number: int, *, actor: str | None = None) -> NewKey:
        """Put a new key in the place of one, which ends. Raises `InvalidInput` for an ended one."""
        known = self._known(number)
        if not known.is_good(self._process.clock()):
            raise InvalidInput(f"key {number}: it has ended; make a new one: tapetrail keys create")
        return self._append(
            known.label,
            scopes=[*map(Scope, known.scopes)],
            expires_at=known.expires_at,
            actor=actor,
            in_place_of=known,
        )

    def _append(
        self,
        label: str,
        *,
        scopes: Sequence[Scope],
        expires_at: datetime | None,
        actor: str | None,
        in_place_of: KnownKey | None = None,
    ) -> NewKey:
        from tapetrail.store import appends  # noqa: PLC0415 # readers do without

        key, at, who = self._process.new_key(), self._process.clock(), actor or self._process.actor
        ordered = [scope for scope in Scope if scope in scopes]
        row = ApiKeyRecord(
            key_name=key.name,
            label=label,
            secret_digest=key.digest,
            scopes=[str(scope) for scope in ordered],
            expires_at=expires_at,
            rotated_from=None if in_place_of is None else in_place_of.stored,
            created_at=at,
            actor=who,
        )
        with self._access.writing() as session:
            stored = appends.append(session, row)
            appends.append(session, _audit(who, "create key", number=stored.id, at=at))
            if in_place_of is not None:
                said = f"rotated, key {stored.id} is in its place"
                for ended in _end(in_place_of, reason=said, actor=who, at=at):
                    appends.append(session, ended)
        return NewKey(
            id=stored.id, text=key.text, label=label, scopes=ordered, expires_at=expires_at
        )

    def _known(self, number: int) -> KnownKey:
        with self._access.reading() as connection:
            known = api_keys.by_id(connection, number)
        if known is None:
            raise NotFound(f"no key {number}")
        return known

    def _note_use(self, number: int, at: datetime) -> None:
        with self._turn:
            last = self._noted.get(number)
            if last is not None and at - last < USE_NOTED:
                return
            self._noted[number] = at
        with self._access.writing() as session:
            api_keys.note_use(session, number, at=at)


def _signature(signing: Digest | None, path: str, words: Mapping[str, str]) -> str:
    """Return the HMAC (RFC 2104) of what a link says, by SHA-256."""
    said = "\n".join([path, *(f"{name}={words[name]}" for name in sorted(words))])
    return hmac.new((signing or "").encode(), said.encode(), "sha256").hexdigest()


def _end(known: KnownKey, *, reason: str | None, actor: str, at: datetime) -> Sequence[Record]:
    ended = ApiKeyEndRecord(api_key=known.stored, reason=reason, at=at, actor=actor)
    return ended, _audit(actor, "end key", number=known.id, at=at)


def _audit(actor: str, action: str, *, number: int, at: datetime) -> AuditRecord:
    return AuditRecord(actor=actor, action=action, target=f"key {number}", at=at)
