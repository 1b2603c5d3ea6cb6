"""Browsers: signing in, which makes a cookie of a key; the page about the interface."""

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from tapetrail.api.answers import content_digest, is_known, tag_of
from tapetrail.api.lists import read_no_query
from tapetrail.api.problems import Refused
from tapetrail.api.sessions import COOKIE, SESSION_S
from tapetrail.core.canonical import digest_bytes
from tapetrail.usecases.keyring import Keyring

ASSETS: Final = files("tapetrail.api") / "assets"
HTML: Final = "text/html; charset=utf-8"
SCRIPT: Final = "text/javascript; charset=utf-8"
STYLE: Final = "text/css; charset=utf-8"
FILES: Final[Mapping[str, tuple[str, str]]] = {
    "swagger-ui.css": ("swagger-ui/swagger-ui.css", STYLE),
    "swagger-ui-bundle.js": ("swagger-ui/swagger-ui-bundle.js", SCRIPT),
    "docs.js": ("docs.js", SCRIPT),
}
"""What the page of the interface loads, all of it from here."""
PAGE: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    # Without a referrer, browsers do not say which page a form was sent from.
    "Referrer-Policy": "same-origin",
}
WHERE: Final = "/api/docs"
"""Where a browser is led once it is signed in."""


def login_routes(keyring: Keyring, *, is_secure: bool) -> APIRouter:
    """Return the routes by which a browser signs in and out. Anybody may ask for them."""
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    def show(code: str = "") -> Response:
        return _login_page("Sign in to see the record.", code=code[:200])

    @router.post("/login")
    def sign_in(key: Annotated[str, Form(max_length=200)]) -> Response:
        session = keyring.session(key.strip(), seconds=SESSION_S)
        if session is None:
            return _login_page("That is no key, or a code that was used before.", status=401)
        answer = Response(status_code=303, headers={"Location": WHERE})
        answer.set_cookie(
            COOKIE, session, max_age=SESSION_S, httponly=True, samesite="lax", secure=is_secure
        )
        return answer

    @router.post("/logout")
    def sign_out() -> Response:
        answer = Response(status_code=303, headers={"Location": "/login"})
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=is_secure)
        return answer

    return router


def docs_routes() -> APIRouter:
    """Return the page that describes the interface, and what it loads."""
    router = APIRouter(include_in_schema=False)

    @router.get(WHERE)
    def page(request: Request) -> Response:
        read_no_query(request)
        return Response((ASSETS / "docs.html").read_bytes(), headers=PAGE, media_type=HTML)

    @router.get(WHERE + "/{name}")
    def file(request: Request, name: str) -> Response:
        read_no_query(request)
        if name not in FILES:
            raise Refused("not-found", "no such file")
        place, media_type = FILES[name]
        content = (ASSETS / place).read_bytes()
        digest = digest_bytes(content)
        headers = {"ETag": tag_of(digest), "Cache-Control": "private, no-cache"}
        if is_known(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        headers["Content-Digest"] = content_digest(digest)
        return Response(content, headers=headers, media_type=media_type)

    return router


def _login_page(said: str, *, code: str = "", status: int = 200) -> Response:
    page = Template((ASSETS / "login.html").read_text("utf-8"))
    text = page.substitute(said=escape(said), code=escape(code, quote=True))
    return Response(text, status, headers=PAGE, media_type=HTML)
