"""Who is let in over a network: holders of keys on record, and of the token of a server."""

import hmac
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final

from tapetrail.core.access_keys import AccessKey, Caller, Scope, is_key_name, parse_key
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
SESSION: Final = "session"
"""Is signed in the place of a path, which begins with a slash."""


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
        self._code: str | None = None
        self._noted: dict[int, datetime] = {}
        self._turn = threading.Lock()

    def caller_of(self, text: str) -> Caller | None:
        """Return who holds a key that is good now, None for nobody."""
        stated = parse_key(text)
        found = None if stated is None else self._good(stated.name)
        if stated is None or found is None or not _is_same(stated.digest, found.digest):
            return None
        return self._used(found)

    def code(self) -> str:
        """Return a code that signs a browser in once, as whoever started the server."""
        with self._turn:
            self._code = self._process.new_key().secret
            return self._code

    def session(self, text: str, *, seconds: int) -> str | None:
        """Return a session for a browser: by a key, or once by the code; None for neither."""
        with self._turn:
            is_code = self._code is not None and _is_same(text, self._code)
            if is_code:
                self._code = None
        if is_code and self._token is not None:
            name = self._token.name
        elif (holder := self.caller_of(text)) is not None:
            name = holder.key_name
        else:
            return None
        if (found := self._good(name)) is None:
            return None
        words = {"expires": self._end_in(seconds), "key": name}
        return f"{name}.{words['expires']}.{_signature(found.digest, SESSION, words)}"

    def caller_of_session(self, text: str) -> Caller | None:
        """Return who a session is of, None where it has ended or its key has."""
        name, _, rest = text.partition(".")
        ends, _, signature = rest.rpartition(".")
        found = self._good(name)
        if found is None or instant_text(self._process.clock()) >= ends:
            return None
        stated = _signature(found.digest, SESSION, {"expires": ends, "key": name})
        return self._used(found) if _is_same(stated, signature) else None

    def link(self, caller: Caller, path: str, *, expires_s: int, origin: str) -> Link:
        """Return a link by which a path is read without a key.

        It is good until its end, or that of the key that made it. Pages of `origin` may show it.
        Raises `NotFound` for a key that has ended meanwhile.
        """
        found = self._good(caller.key_name)
        if found is None:
            raise NotFound("the key that asks has ended")
        ends = self._end_in(expires_s)
        words = {"expires": ends, "key": caller.key_name, "origin": origin}
        signature = _signature(found.digest, path, words)
        return Link(words={**words, "signature": signature}, expires_at=ends)

    def caller_of_link(self, path: str, words: Mapping[str, str]) -> Caller | None:
        """Return who is let in by a link to a path, to read it; None where it is not good."""
        stated = {name: words.get(name, "") for name in ("expires", "key", "origin")}
        found = self._good(stated["key"]) if {*words} == {*stated, "signature"} else None
        if found is None or instant_text(self._process.clock()) >= stated["expires"]:
            return None
        if not _is_same(_signature(found.digest, path, stated), words["signature"]):
            return None
        who = f"a link of {found.caller.name}"
        return Caller(name=who, key_name=stated["key"], scopes=frozenset({Scope.READ}))

    def _end_in(self, seconds: int) -> str:
        return instant_text(self._process.clock() + timedelta(seconds=seconds))

    def _good(self, key_name: str) -> "_Good | None":
        """Return the key with a name, None for one that lets nobody in."""
        token = self._token
        if token is not None and key_name == token.name:
            holder = Caller(
                name=self._process.actor,
                key_name=key_name,
                scopes=frozenset(Scope),
                is_owner=True,
            )
            return _Good(digest=token.digest, caller=holder, number=None)
        if not is_key_name(key_name):
            return None
        with self._access.reading() as connection:
            known = api_keys.by_name(connection, key_name)
        if known is None or not known.is_good(self._process.clock()):
            return None
        holder = Caller(
            name=f"key {known.id} ({known.label})",
            key_name=key_name,
            scopes=frozenset(map(Scope, known.scopes)),
        )
        return _Good(digest=known.secret_digest, caller=holder, number=known.id)

    def _used(self, found: "_Good") -> Caller:
        if found.number is not None:
            self._note_use(found.number, self._process.clock())
        return found.caller

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Good:
    """A key that lets somebody in: what is kept of its secret, who that is, and its row."""

    digest: Digest
    caller: Caller
    number: int | None


def _is_same(one: str, other: str) -> bool:
    """Return whether two secrets are one, in a time that does not tell where they differ."""
    return compare_digest(one.encode(), other.encode())


def _signature(signing: Digest, path: str, words: Mapping[str, str]) -> str:
    """Return the HMAC (RFC 2104) of what a link says, by SHA-256."""
    said = "\n".join([path, *(f"{name}={words[name]}" for name in sorted(words))])
    return hmac.new(signing.encode(), said.encode(), "sha256").hexdigest()


def _end(known: KnownKey, *, reason: str | None, actor: str, at: datetime) -> Sequence[Record]:
    ended = ApiKeyEndRecord(api_key=known.stored, reason=reason, at=at, actor=actor)
    return ended, _audit(actor, "end key", number=known.id, at=at)


def _audit(actor: str, action: str, *, number: int, at: datetime) -> AuditRecord:
    return AuditRecord(actor=actor, action=action, target=f"key {number}", at=at)
