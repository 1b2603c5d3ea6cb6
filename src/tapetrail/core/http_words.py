"""What is said over HTTP that both who sends and who watches must know, secrets above all.

A name tells a secret: nobody can tell it by its value. A key under a name that says nothing of it
is not found.
"""

import re
from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote_plus, urlsplit, urlunsplit

USER_AGENT: Final = "tapetrail"
"""How calls of our own name themselves."""
RATE_LIMIT_PREFIXES: Final = ("x-ratelimit-", "anthropic-ratelimit-", "ratelimit-")
HIDDEN: Final = "***"
SECRET_CHARS_MIN: Final = 16
"""What is shorter, as `ollama`, is a word and no key."""
_SECRET_HEADER: Final = re.compile("auth|cookie|key|secret|session|token|password|signature")
_SECRET_QUERY: Final = re.compile(
    "key|token|secret|auth|password|passwd|session|cookie|credential|^sig|signature|^code$"
)
_NUMBERS: Final = frozenset({"idempotency-key", "sec-websocket-key"})
_SAID_BEFORE: Final = re.compile(r"^(?:bearer|basic|token|apikey|key)\s+", re.IGNORECASE)


def is_secret_header(name: str) -> bool:
    """Return whether a header's name says that it holds a secret; counts of tokens are none."""
    lowered = name.lower()
    return not lowered.startswith(RATE_LIMIT_PREFIXES) and bool(_SECRET_HEADER.search(lowered))


def is_secret_parameter(name: str) -> bool:
    """Return whether a query's parameter says by its name that it holds a secret."""
    return bool(_SECRET_QUERY.search(name.lower()))


def open_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers in lower case without those that hold secrets; several of a name are joined.

    Of an address in `location` the secrets are hidden.
    """
    found: dict[str, str] = {}
    for name, value in headers:
        lowered = name.lower()
        if is_secret_header(lowered):
            continue
        told = open_url(value) if lowered == "location" else value
        found[lowered] = f"{found[lowered]}, {told}" if lowered in found else told
    return found


def open_url(url: str) -> str:
    """Return an address without its secrets: user and password, and values of parameters.

    What stands behind `#` is not sent, and left out.
    """
    try:
        parts = urlsplit(url)
        has_user = "@" in parts.netloc
    except ValueError:
        return HIDDEN
    place = parts.netloc.rpartition("@")[2]
    netloc = f"{HIDDEN}@{place}" if has_user else place
    pairs = [_open_pair(each) for each in parts.query.split("&")]
    return urlunsplit(parts._replace(netloc=netloc, query="&".join(pairs), fragment=""))


def _open_pair(pair: str) -> str:
    """Return one parameter as it stood, or its name alone; nothing is quoted anew."""
    name, equals, _ = pair.partition("=")
    return f"{name}={HIDDEN}" if equals and is_secret_parameter(unquote_plus(name)) else pair


def secrets_of(url: str, headers: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return the secrets of a request that are long enough to be told from words.

    They are as they may stand in bytes: with and without what is said before a key, as `Bearer`.
    A number that only tells two tries of a request apart is none: replies may repeat it.
    """
    secret = (each for each in headers if is_secret_header(each[0]))
    values = [value for name, value in secret if name.lower() not in _NUMBERS]
    try:
        parts = urlsplit(url)
        values += _secrets_in(parts)
    except ValueError:
        pass
    bare = [_SAID_BEFORE.sub("", value.strip()) for value in values]
    return frozenset(each for each in (*values, *bare) if len(each) >= SECRET_CHARS_MIN)


def _secrets_in(parts: SplitResult) -> list[str]:
    named = [value for name, value in parse_qsl(parts.query) if is_secret_parameter(name)]
    quoted = [quote(value, safe="") for value in named]
    return [*named, *quoted, *([parts.password] if parts.password else [])]


def without(text: str, secrets: Collection[str]) -> str:
    """Return a text in which none of these secrets stands."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
