"""Who is let in: keys with scopes, made, ended, put in the place of others; links; sites."""

import json
from collections.abc import Callable, Generator
from typing import Any, Final

import pytest
from tests.api_server import ApiServer, api_server
from tests.edges.waiting import wait_for
from tests.surfaces.conftest import Recorded, Terminal
from tests.surfaces.test_api import operations, problem

from tapetrail.core.access_keys import Scope, parse_key

pytestmark = pytest.mark.service
ORIGIN: Final = "https://desk.example.org"
Made = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def server(recorded: Recorded) -> Generator[ApiServer]:
    with api_server(recorded.terminal, TAPETRAIL_ALLOWED_ORIGINS=ORIGIN) as found:
        yield found


@pytest.fixture
def terminal(recorded: Recorded) -> Terminal:
    return recorded.terminal


def made(terminal: Terminal, *words: str) -> dict[str, Any]:
    answer = terminal.run("keys", "create", *words, "--json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def as_key(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_is_shown_once_and_only_its_digest_is_kept(terminal: Terminal) -> None:
    answer = terminal.run("keys", "create", "a dashboard")
    key = parse_key(answer.out.strip())
    assert key is not None
    assert "(a dashboard): read; it is shown this once" in answer.err
    shown = terminal.run("keys", "list", "--json").out
    assert key.name in shown
    assert key.secret not in shown
    number = json.loads(shown)["data"][0]["id"]
    whole = terminal.run("keys", "show", str(number), "--json").out
    assert json.loads(whole)["secret_digest"] == key.digest
    assert key.secret not in whole


def test_a_key_may_do_what_its_scopes_say_and_nothing_else(
    server: ApiServer, terminal: Terminal
) -> None:
    keys = {scope: made(terminal, scope, "--scope", scope)["text"] for scope in Scope}
    needed = {
        "/api/keys": Scope.ADMIN,
        "/api/audit": Scope.ADMIN,
        "/api/charts/archive": Scope.ADMIN,
        "/api/recordings": Scope.WRITE,
    }
    for method, path in operations(server):
        if path.startswith("/api/health/"):
            continue
        scopes = [scope for begins, scope in needed.items() if path.startswith(begins)]
        by_default = Scope.EXPORT if path.endswith((".csv", ".jsonl")) else Scope.READ
        (scope,) = scopes or [by_default]
        url = path.format(number=9999, digest="sha256:" + "0" * 64)
        for held, key in keys.items():
            answer = server.ask(method, url, headers=as_key(key))
            if held is scope:
                assert answer.status_code not in {401, 403}, (method, path)
            else:
                said = problem(answer, 403, "missing-scope")
                assert said["detail"] == f"the key lacks the scope `{scope}`"


def test_a_key_that_has_ended_lets_nobody_in_from_then_on(
    server: ApiServer, terminal: Terminal
) -> None:
    key = made(terminal, "short")
    assert server.get("/api/charts", headers=as_key(key["text"])).status_code == 200
    assert terminal.run("keys", "revoke", str(key["id"])).code == 0
    problem(server.get("/api/charts", headers=as_key(key["text"])), 401, "unauthenticated")
    assert terminal.run("keys", "revoke", str(key["id"])).code == 0
    (row,) = [r for r in server.document("/api/keys")["data"] if r["id"] == key["id"]]
    assert row["ended_at"] is not None
    assert row["last_used_at"] is not None
    assert terminal.run("keys", "rotate", str(key["id"])).code == 2
    assert terminal.run("keys", "revoke", "9999").code == 3


def test_a_key_takes_the_place_of_another_one_at_once(
    server: ApiServer, terminal: Terminal
) -> None:
    old = made(terminal, "turns", "--scope", "read", "--scope", "write", "--expires", "90d")
    answer = server.ask("POST", f"/api/keys/{old['id']}/rotate")
    new = answer.json()
    assert (answer.status_code, new["label"], new["scopes"], new["expires_at"]) == (
        201, "turns", ["read", "write"], old["expires_at"],
    )  # fmt: skip
    problem(server.get("/api/charts", headers=as_key(old["text"])), 401, "unauthenticated")
    assert server.get("/api/charts", headers=as_key(new["text"])).status_code == 200
    assert server.document(f"/api/keys/{new['id']}")["rotated_from"] == old["id"]


def test_keys_are_made_and_ended_over_http_and_it_is_on_record_by_whom(server: ApiServer) -> None:
    admin = server.ask("POST", "/api/keys", json={"label": "ops", "scopes": ["admin"]}).json()
    own = as_key(admin["text"])
    made = server.ask("POST", "/api/keys", json={"label": "made"}, headers=own)
    key = made.json()
    assert (made.status_code, key["scopes"], key["expires_at"]) == (201, ["read"], None)
    assert made.headers["location"] == f"/api/keys/{key['id']}"
    assert made.headers["cache-control"] == "no-store"
    assert server.ask("DELETE", f"/api/keys/{key['id']}", headers=own).status_code == 204
    problem(server.get("/api/charts", headers=as_key(key["text"])), 401, "unauthenticated")
    done = server.document(f"/api/audit?target=key+{key['id']}")["data"]
    assert [(row["actor"], row["action"]) for row in done] == [
        (f"key {admin['id']} (ops)", "end key"),
        (f"key {admin['id']} (ops)", "create key"),
    ]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/body/label"),
        ({"label": ""}, "#/body/label"),
        ({"label": "x", "scopes": []}, "#/body/scopes"),
        ({"label": "x", "scopes": ["EVIL"]}, "#/body/scopes/0"),
        ({"label": "x", "expires_at": "2012-01-01T00:00:00"}, "#/body/expires_at"),
        ({"label": "x", "scope": "read"}, "#/body/scope"),
    ],
)
def test_a_key_that_breaks_a_rule_is_not_made(
    server: ApiServer, *, body: dict[str, Any], pointer: str
) -> None:
    said = problem(server.ask("POST", "/api/keys", json=body), 422, "invalid-parameters")
    assert [each["pointer"] for each in said["errors"]] == [pointer]
    assert "EVIL" not in json.dumps(said)


def test_a_key_that_would_have_ended_is_refused(server: ApiServer) -> None:
    body = {"label": "x", "expires_at": "2012-01-01T00:00:00Z"}
    problem(server.ask("POST", "/api/keys", json=body), 422, "invalid-parameters")
    body = {"label": "a\x00b"}
    problem(server.ask("POST", "/api/keys", json=body), 422, "invalid-parameters")


def test_a_link_reads_one_path_for_a_while_without_a_key(server: ApiServer) -> None:
    body = {"path": "/api/charts/1/image", "expires_s": 600}
    link = server.ask("POST", "/api/links", json=body).json()
    bare = server.client
    found = bare.get(link["url"])
    assert found.content == server.get("/api/charts/1/image").content
    assert found.headers["cross-origin-resource-policy"] == "same-origin"
    assert server.token not in link["url"]
    url, _, query = link["url"].partition("?")
    assert bare.get(f"{server.url}/api/charts/2/image?{query}").status_code == 401
    assert bare.post(link["url"]).status_code == 401
    assert bare.get(f"{link['url']}&x=1").status_code == 401
    assert bare.get(f"{url}?{query.replace('expires=20', 'expires=21')}").status_code == 401
    short = server.ask("POST", "/api/links", json={**body, "expires_s": 1}).json()["url"]
    wait_for(lambda: bare.get(short).status_code == 401)
    assert bare.get(link["url"]).status_code == 200


def test_a_link_ends_with_the_key_that_made_it(server: ApiServer, terminal: Terminal) -> None:
    key = made(terminal, "links")
    body = {"path": "/api/charts/1/image"}
    link = server.ask("POST", "/api/links", json=body, headers=as_key(key["text"])).json()["url"]
    assert server.client.get(link).status_code == 200
    terminal.run("keys", "revoke", str(key["id"]))
    assert server.client.get(link).status_code == 401


@pytest.mark.parametrize("path", ["/api/../x", "https://evil.example/", "/etc/passwd", "/api//x"])
def test_a_link_to_elsewhere_is_not_made(server: ApiServer, path: str) -> None:
    answer = server.ask("POST", "/api/links", json={"path": path})
    problem(answer, 422, "invalid-parameters")


def test_pages_of_an_allowed_site_may_ask_and_those_of_others_may_not(server: ApiServer) -> None:
    wanted = {"Access-Control-Request-Method": "GET",
              "Access-Control-Request-Headers": "authorization"}  # fmt: skip
    allowed = server.client.options(
        f"{server.url}/api/charts", headers={"Origin": ORIGIN, **wanted}
    )
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    answer = server.get("/api/charts", headers={"Origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "ETag" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    for other in ("https://evil.example", "null", f"{ORIGIN}.evil.example"):
        refused = server.client.options(
            f"{server.url}/api/charts", headers={"Origin": other, **wanted}
        )
        assert "access-control-allow-origin" not in refused.headers
        answer = server.get("/api/charts", headers={"Origin": other})
        assert "access-control-allow-origin" not in answer.headers


def test_an_allowed_site_may_show_what_it_has_a_link_to(server: ApiServer) -> None:
    body = {"path": "/api/charts/1/image"}
    headers = {"Origin": ORIGIN}
    link = server.ask("POST", "/api/links", json=body, headers=headers).json()["url"]
    policy = server.client.get(link).headers["cross-origin-resource-policy"]
    assert policy == "cross-origin"
    headers = {"Origin": "https://evil.example"}
    link = server.ask("POST", "/api/links", json=body, headers=headers).json()["url"]
    policy = server.client.get(link).headers["cross-origin-resource-policy"]
    assert policy == "same-origin"


@pytest.mark.parametrize("origins", ["*", "desk.example.org", "https://a.example/", "https://a,b"])
def test_what_is_no_site_is_refused(origins: str, terminal: Terminal) -> None:
    ended = terminal.run("serve", "--port", "0", TAPETRAIL_ALLOWED_ORIGINS=origins)
    assert ended.code == 2
    assert "expected an origin such as" in ended.err
