"""Sessions of browsers: a cookie that stands for a key, and what it may be sent with."""

from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers

COOKIE: Final = "tapetrail_session"
SESSION_S: Final = 12 * 3600
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def session_of(headers: Headers) -> str | None:
    """Return the session that a request's cookies name, None where they name none."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value


def is_from_here(method: str, headers: Headers) -> bool:
    """Return whether a request with a cookie comes from a page of this server.

    Browsers send cookies along with whatever any page asks for; they say which page it was. What
    changes nothing is let in from everywhere: nobody else can read the answer.
    """
    if method in SAFE:
        return True
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None:
        return origin.partition("://")[2] == headers.get("host")
    return site in {"same-origin", "none"}
