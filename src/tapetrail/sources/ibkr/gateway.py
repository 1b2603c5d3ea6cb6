"""The gateway as it is asked: what it says instead of an answer, and the little that may mend it.

A session is a person's: they log in at the gateway in a browser. Where it has only lapsed it is
begun anew with `compete=false`, which ends nobody else's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from tapetrail.core.canonical import canonical_json, storable_text
from tapetrail.core.errors import EdgeFailure, ErrorKind, NotFound
from tapetrail.http.calls import Call, Received
from tapetrail.http.excerpts import excerpt
from tapetrail.http.json_bodies import load_json
from tapetrail.http.retry_after import asked_s
from tapetrail.sources.asking import Vendor
from tapetrail.sources.tabular.values import Document, as_document, as_list, member, text_member

ACCOUNTS: Final = "iserver/accounts"
STATUS: Final = "iserver/auth/status"
SESSION: Final = "iserver/auth/ssodh/init"
LOGIN: Final = "log in at the gateway, in a browser"
COMPETING: Final = (
    "another session of this user competes for the market data, as TWS or an app does; end that one"
    " or give each a user of its own, for TapeTrail ends nobody's"
)
PENALTY_S: Final = 900.0
"""How long the gateway refuses a user who asked too often, unless it says more."""
_WAIT_S: Final = 1.0
_OK: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)
_UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429
_SERVER_ERRORS: Final = range(500, 600)
_WAYS: Final[Mapping[ErrorKind, str]] = {
    ErrorKind.TLS_FAILED: "the gateway has a certificate of its own: name it in IBKR_CA_FILE, if it"
    " is made out to that address, or write IBKR_VERIFY_TLS=false to take anybody's who listens"
    " there",
    ErrorKind.CONNECTION_FAILED: "start the Client Portal Gateway, or name its address in"
    " IBKR_BASE_URL",
    ErrorKind.CONNECT_TIMEOUT: "look whether the Client Portal Gateway runs at IBKR_BASE_URL",
    ErrorKind.NAME_NOT_RESOLVED: "correct IBKR_BASE_URL",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply with a success: what came, and the JSON that it is."""

    received: Received
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The gateway at `base_url`, which ends with the version of its interface."""

    vendor: Vendor
    base_url: str

    def get(self, path: str, **query: str | int) -> Reply:
        """Return what the gateway answers, asked again once for each thing that can be mended.

        Raises `NotFound` (`no_bars`) where it says that it has no data, and otherwise `EdgeFailure`
        with what is wrong and the way on.
        """
        url = f"{self.base_url}/{path}" + (f"?{urlencode(query)}" if query else "")
        mended = set[str]()
        while True:
            received = self._reply(Call(url=url))
            trouble = _trouble(received)
            if trouble is None:
                return Reply(received=received, value=self._value(received))
            if trouble.mend is None or trouble.name in mended:
                raise self._failure(trouble, received)
            mended.add(trouble.name)
            trouble.mend(self)

    def describe(self) -> str:
        """Return in a few words that it is ready. Raises `EdgeFailure` for what it lacks."""
        status = as_document(self.get(STATUS).value) or {}
        if member(status, "competing") is True:
            raise self.vendor.refused(COMPETING)
        if member(status, "authenticated") is not True:
            raise self.vendor.refused(f"no session; {LOGIN}")
        if member(status, "connected") is not True:
            raise self.vendor.refused("logged in, and not connected to IBKR; wait, or log in again")
        accounts = as_list(member(as_document(self.get(ACCOUNTS).value) or {}, "accounts"))
        if not accounts:
            raise self.vendor.refused(f"no account with this login; {LOGIN} with another one")
        counted = "1 account" if len(accounts) == 1 else f"{len(accounts)} accounts"
        return f"{self.base_url} is logged in, with {counted}"

    def refused(self, said: str, received: Received) -> EdgeFailure:
        """Return that a reply is not what was asked for, with how it begins."""
        return self.vendor.refused(f"{said}: {excerpt(received.body)}")

    def begin_session(self) -> None:
        """Ask for the session behind a login that is still there.

        Raises `EdgeFailure` where another one competes.
        """
        body = canonical_json({"compete": False, "publish": True})
        received = self._reply(Call(url=f"{self.base_url}/{SESSION}", body=body))
        if member(_document(received) or {}, "competing") is True:
            raise self.vendor.refused(COMPETING)
        self.vendor.pause(_WAIT_S)

    def name_accounts(self) -> None:
        """Ask for the accounts, without which a new session answers nothing; they are not kept."""
        self._reply(Call(url=f"{self.base_url}/{ACCOUNTS}"))

    def wait(self) -> None:
        """Let a moment pass."""
        self.vendor.pause(_WAIT_S)

    def _reply(self, call: Call) -> Received:
        try:
            return self.vendor.reply(call)
        except EdgeFailure as error:
            if error.kind is ErrorKind.SOURCE_UNAVAILABLE:
                raise  # It is left alone, and that is said in whole.
            way = _WAYS.get(error.kind) if error.kind else None
            said = f"{self.vendor.name}: {error.message}" + (f"; {way}" if way else "")
            raise EdgeFailure(said, kind=error.kind) from error

    def _value(self, received: Received) -> object:
        try:
            return load_json(received.body)
        except ValueError as error:
            is_page = received.body.lstrip()[:1] == b"<"
            said = f"not JSON but a page, as that of its login; {LOGIN}" if is_page else "not JSON"
            raise self.refused(said, received) from error

    def _failure(self, trouble: "_Trouble", received: Received) -> EdgeFailure | NotFound:
        said = f"HTTP {received.http_status}: {trouble.says}; {excerpt(received.body)}"
        if trouble is _PENALTY:
            asked = asked_s(received.headers, now=self.vendor.clock())
            self.vendor.rest(PENALTY_S if asked is None else max(asked, PENALTY_S), said)
        if trouble.name == _NO_DATA.name:
            return NotFound(f"{self.vendor.name}: {said}", kind=ErrorKind.NO_BARS)
        return self.vendor.refused(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trouble:
    """What is wrong, in the words for whoever reads them; `mend` is tried once."""

    name: str
    says: str
    mend: Callable[[Gateway], None] | None = None


_NO_DATA: Final = _Trouble(name="no data", says="it has no data for what was asked")
_PENALTY: Final = _Trouble(
    name="penalty",
    says="it was asked too often, and refuses this user for about 15 minutes; nobody asks it for as"
    " long",
)
_UNSUBSCRIBED: Final = _Trouble(
    name="unsubscribed",
    says="this login may not see the market data; subscribe to those of the exchange at IBKR",
)
_LOGGED_OUT: Final = _Trouble(name="logged out", says=f"nobody is logged in; {LOGIN}")
_FAILING: Final = _Trouble(
    name="failing", says="the gateway fails; wait, or start it anew", mend=Gateway.wait
)
_REFUSING: Final = _Trouble(name="refusing", says="it refuses what was asked")
_SAYINGS: Final[Mapping[str, _Trouble]] = {
    "no bridge": _Trouble(
        name="no bridge",
        says="a login without a session for market data, and none could be begun; end other"
        f" sessions of this user, then {LOGIN} again",
        mend=Gateway.begin_session,
    ),
    "/accounts first": _Trouble(
        name="accounts",
        says="it asks to be asked for the accounts first, which it was; log in again",
        mend=Gateway.name_accounts,
    ),
    "chart data unavailable": _Trouble(
        name="no chart",
        says="it has no chart at the moment, and did not a moment later; try again later",
        mend=Gateway.wait,
    ),
    "no data": _NO_DATA,
    "no symbol found": _NO_DATA,
    "permission": _UNSUBSCRIBED,
    "not subscribed": _UNSUBSCRIBED,
    "not authenticated": _LOGGED_OUT,
    "too many requests": _PENALTY,
    "pacing violation": _PENALTY,
}
"""What a trouble comes down to by a piece of the gateway's words, in lower case."""


def _trouble(received: Received) -> _Trouble | None:
    """Return what is wrong with a reply, None for an answer."""
    status, words = received.http_status, _words(received)
    if status == _TOO_MANY:
        return _PENALTY
    said = next((trouble for piece, trouble in _SAYINGS.items() if piece in words), None)
    if said is not None or (status in _OK and not words):
        return said
    if status in _SERVER_ERRORS:
        return _FAILING
    if status in _REDIRECTS:
        place = received.headers.get("location", "nowhere")
        says = f"it leads to {place!r}, as to its login, and is not followed; {LOGIN}"
        return _Trouble(name="redirect", says=says)
    return _LOGGED_OUT if status == _UNAUTHORIZED else _REFUSING


def _words(received: Received) -> str:
    """Return the error that a reply says, in lower case; empty where it says none."""
    document = _document(received)
    if document is not None:
        said = text_member(document, "error")
        is_error = received.http_status not in _OK
        return (said or (is_error and text_member(document, "message")) or "").casefold()
    if received.http_status in _OK:
        return ""
    return storable_text(received.body[:1000].decode(errors="replace")).casefold()


def _document(received: Received) -> Document | None:
    try:
        return as_document(load_json(received.body))
    except ValueError:
        return None
