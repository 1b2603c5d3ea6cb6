"""Signing in with a browser, and the page that describes the interface, in a real Chromium."""

import re
from collections.abc import Generator
from typing import Any, Final

import httpx2
import pytest
from playwright.sync_api import Browser
from tests.api_server import ApiServer, api_server
from tests.surfaces.conftest import Recorded
from tests.surfaces.test_api import problem

pytestmark = pytest.mark.service
HTML: Final = {"Accept": "text/html,*/*"}


@pytest.fixture
def server(recorded: Recorded) -> Generator[ApiServer]:
    with api_server(recorded.terminal) as found:
        yield found


def code_of(recorded: Recorded) -> str:
    said = recorded.terminal.home.with_name("server.txt").read_text("utf-8")
    (code,) = re.findall(r"/login\?code=([0-9a-f]{64})\n", said)
    return code


def sign_in(server: ApiServer, key: str, **headers: str) -> httpx2.Response:
    return server.client.post(
        f"{server.url}/login", data={"key": key}, headers={"Origin": server.url, **headers}
    )


def test_a_code_signs_in_once_and_the_cookie_lets_in(server: ApiServer, recorded: Recorded) -> None:
    code = code_of(recorded)
    page = server.client.get(f"{server.url}/login?code={code}")
    assert f'value="{code}"' in page.text
    answer = sign_in(server, code)
    assert (answer.status_code, answer.headers["location"]) == (303, "/api/docs")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert server.token not in cookie
    assert server.client.get(f"{server.url}/api/charts").status_code == 200
    server.client.cookies.clear()
    assert sign_in(server, code).status_code == 401
    assert server.client.get(f"{server.url}/api/charts").status_code == 401


def test_a_cookie_is_taken_from_pages_of_the_server_alone(server: ApiServer) -> None:
    assert sign_in(server, server.token).status_code == 303
    body: dict[str, Any] = {"label": "x"}
    for headers in (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        answer = server.client.post(f"{server.url}/api/keys", json=body, headers=headers)
        problem(answer, 403, "foreign-page")
    for headers in ({"Origin": server.url}, {"Sec-Fetch-Site": "same-origin"}):
        answer = server.client.post(f"{server.url}/api/keys", json=body, headers=headers)
        assert answer.status_code == 201
    problem(sign_in(server, server.token, Origin="https://evil.example"), 403, "foreign-page")


def test_a_session_ends_with_its_key_and_is_not_forged(
    server: ApiServer, recorded: Recorded
) -> None:
    made = server.ask("POST", "/api/keys", json={"label": "browser"}).json()
    assert sign_in(server, made["text"]).status_code == 303
    cookie = str(server.client.cookies["tapetrail_session"]).strip('"')
    assert server.client.get(f"{server.url}/api/charts").status_code == 200
    name, _, rest = cookie.partition(".")
    server.client.cookies.clear()
    for forged in (
        cookie.replace("20", "21", 1) if not name.startswith("20") else f"{name}.9{rest[1:]}",
        f"{'0' * 12}.{rest}",
        cookie[:-1],
        f"{cookie}0",
        "x",
        "..",
        "é",
    ):
        headers = {b"Cookie": f"tapetrail_session={forged}".encode()}
        answer = server.client.get(f"{server.url}/api/charts", headers=headers)
        problem(answer, 401, "unauthenticated")
    recorded.terminal.run("keys", "revoke", str(made["id"]))
    headers = {b"Cookie": f"tapetrail_session={cookie}".encode()}
    answer = server.client.get(f"{server.url}/api/charts", headers=headers)
    problem(answer, 401, "unauthenticated")


def test_a_browser_without_a_session_is_led_to_sign_in(server: ApiServer) -> None:
    answer = server.client.get(f"{server.url}/api/docs", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    page = server.client.get(f'{server.url}/login?code="><script>alert(1)</script>')
    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert sign_in(server, "wrong").status_code == 401


@pytest.mark.browser
def test_the_page_of_the_interface_is_read_in_a_browser(
    server: ApiServer, recorded: Recorded, browser: Browser
) -> None:
    said: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/login?code={code_of(recorded)}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/api/docs")
    page.get_by_text("List charts, newest first").first.wait_for()
    page.get_by_text("List charts, newest first").first.click()
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table .response-col_status", has_text="200").first.wait_for()
    assert said == []
    assert {url for url in asked if not url.startswith((server.url, "data:"))} == set()
    page.context.close()
