"""The record over HTTP: lists, details, bytes as the command line shows them; who is let in."""

import json
import os
import socket
import stat
import subprocess
import sys
from base64 import b64encode
from collections.abc import Generator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.api_server import ApiServer, api_server
from tests.surfaces.conftest import Recorded

from tapetrail import open_record, server_file
from tapetrail.core.errors import InvalidInput
from tapetrail.interface import OpenRecord
from tapetrail.listing import LISTS, ListSpec
from tapetrail.listing.spec import Numbered
from tapetrail.wire import detail_document, page_document

pytestmark = pytest.mark.service
NAMES: Final = {"analyses": "llm-analyses"}
PATHS: Final = {each.name: f"/api/{NAMES.get(each.name, each.name)}" for each in LISTS}


@pytest.fixture(scope="module")
def server(recorded: Recorded) -> Generator[ApiServer]:
    with api_server(recorded.terminal) as found:
        yield found


def problem(answer: httpx2.Response, status: int, name: str) -> dict[str, Any]:
    """Return what a problem says, which has to be this one."""
    assert (answer.status_code, answer.headers["content-type"]) == (
        status, "application/problem+json",
    )  # fmt: skip
    said = answer.json()
    assert said["status"] == status
    assert said["type"].endswith(f"/api/problems/{name}")
    assert said["request_id"] == answer.headers["x-request-id"]
    return said


@pytest.fixture(scope="module")
def record(recorded: Recorded) -> Generator[OpenRecord]:
    with open_record(recorded.terminal.home) as opened:
        yield opened


@pytest.mark.parametrize("listed", LISTS, ids=lambda listed: listed.name)
def test_a_list_and_its_rows_are_those_of_the_record(
    listed: ListSpec[Numbered], server: ApiServer, record: OpenRecord
) -> None:
    path = PATHS[listed.name]
    page = record.page(listed)
    assert server.document(path) == page_document(page)
    for row in page.data:
        shown = detail_document(record.detail(listed, row.id))
        assert server.document(f"{path}/{row.id}") == shown


def test_a_list_is_the_document_that_the_command_line_prints(
    server: ApiServer, recorded: Recorded
) -> None:
    words = ("decisions", "--status", "failed", "--status", "completed", "--limit", "1", "--json")
    shown = json.loads(recorded.terminal.run(*words).out)
    asked = "/api/decisions?status=failed&status=completed&limit=1"
    assert server.document(asked) == shown


def test_pages_lead_through_a_list_under_the_same_filters(server: ApiServer) -> None:
    every = server.every("/api/charts?limit=1&symbol=AAPL&symbol=FB")
    assert every == server.document("/api/charts")["data"]
    assert len(every) > 2
    first = server.get("/api/charts?limit=1&symbol=AAPL&symbol=FB")
    link = first.links["next"]["url"]
    assert httpx2.get(link, headers=first.request.headers).json()["data"] == every[1:2]
    cursor = first.json()["next_cursor"]
    for other in ("symbol=AAPL", "symbol=FB&symbol=AAPL&timeframe=1d", ""):
        said = problem(server.get(f"/api/charts?{other}&cursor={cursor}"), 400, "invalid-cursor")
        assert said["detail"] == "cursor: belongs to another list, or to other filters"


def test_a_count_is_there_where_it_is_asked_for(server: ApiServer) -> None:
    assert "count" not in server.document("/api/decisions")
    assert server.document("/api/decisions?count=true&limit=1")["count"] == 2
    assert server.document("/api/decisions?count=true&status=failed")["count"] == 1


def test_everything_that_is_wrong_with_parameters_is_said_and_no_value_repeated(
    server: ApiServer,
) -> None:
    words = "limit=201&symbl=EVIL&since=EVIL&timeframe=EVIL&count=EVIL&until=a&until=b&cursor="
    said = problem(server.get(f"/api/signals?{words}"), 422, "invalid-parameters")
    assert {each["pointer"] for each in said["errors"]} == {
        f"#/query/{name}" for name in ("limit", "symbl", "since", "timeframe", "count", "until")
    }
    assert "EVIL" not in json.dumps(said)
    assert "there are symbol, timeframe" in json.dumps(said)


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        ("/api/charts/9999", 404, "not-found"),
        ("/api/charts/0", 422, "invalid-parameters"),
        ("/api/charts/x", 422, "invalid-parameters"),
        ("/api/charts/9223372036854775808", 422, "invalid-parameters"),
        ("/api/charts/1?x=1", 422, "invalid-parameters"),
        ("/api/charts/9999/image", 404, "not-found"),
        ("/api/charts?cursor=MQ", 400, "invalid-cursor"),
        ("/api/charts?symbol=a%00b", 422, "invalid-parameters"),
        ("/api/nothing", 404, "not-found"),
        ("/", 404, "not-found"),
        ("/docs", 404, "not-found"),
    ],
)
def test_what_cannot_be_answered_is_a_problem(
    path: str, status: int, *, name: str, server: ApiServer
) -> None:
    said = problem(server.get(path), status, name)
    assert said["instance"] == path.partition("?")[0]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_on_record_is_changed(method: str, server: ApiServer) -> None:
    answer = server.ask(method, "/api/decisions/1")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD"


def test_a_row_that_the_client_has_is_not_sent_again(server: ApiServer) -> None:
    first = server.get("/api/decisions/1")
    tag = first.headers["etag"]
    assert tag == f'"{sha256(first.content).hexdigest()}"'
    for known in (tag, f'W/"x", {tag}', "*"):
        again = server.get("/api/decisions/1", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = server.get("/api/decisions/1", headers={"If-None-Match": '"x"'})
    assert (other.status_code, other.content) == (200, first.content)


def test_the_bytes_of_a_chart_are_those_that_its_row_names(
    server: ApiServer, recorded: Recorded
) -> None:
    row = server.document("/api/charts/1")
    for path, column, media_type in (
        ("/api/charts/1/image", "jpeg_digest", "image/jpeg"),
        ("/api/charts/1/html", "html_digest", "text/html; charset=utf-8"),
    ):
        found = server.get(path)
        digest = sha256(found.content)
        assert row[column] == f"sha256:{digest.hexdigest()}"
        assert found.headers["content-type"] == media_type
        assert found.headers["etag"] == f'"{digest.hexdigest()}"'
        stated = f"sha-256=:{b64encode(digest.digest()).decode()}:"
        assert found.headers["content-digest"] == stated
        assert "immutable" in found.headers["cache-control"]
        assert server.get(path, headers={"If-None-Match": found.headers["etag"]}).content == b""
    saved = recorded.terminal.home.with_name("saved.jpg")
    recorded.terminal.run("charts", "save", "1", "-o", str(saved))
    assert server.get("/api/charts/1/image").content == saved.read_bytes()


def test_a_page_of_somebody_else_reaches_nothing(server: ApiServer) -> None:
    policy = server.get("/api/charts/1/html").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'; ")
    assert "allow-same-origin" not in policy
    policy = server.get("/api/charts/1/image").headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'; ")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("0-0", 0, 0), ("5-9", 5, 9), ("100-", 100, -1), ("-7", -7, -1), ("0-99999999", 0, -1)],
)
def test_a_part_of_the_bytes_is_sent_where_it_is_asked_for(
    asked: str, first: int, *, last: int, server: ApiServer
) -> None:
    whole = server.get("/api/charts/1/image").content
    answer = server.get("/api/charts/1/image", headers={"Range": f"bytes={asked}"})
    first, last = first % len(whole), last % len(whole)
    assert (answer.status_code, answer.content) == (206, whole[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"
    assert "content-digest" not in answer.headers


@pytest.mark.parametrize("asked", ["bytes=9-5", "bytes=-", "bytes=0-1,3-4", "lines=1-2", "bytes=x"])
def test_what_names_no_part_is_answered_by_the_whole(asked: str, server: ApiServer) -> None:
    answer = server.get("/api/charts/1/image", headers={"Range": asked})
    assert (answer.status_code, len(answer.content)) == (
        200, int(answer.headers["content-length"]),
    )  # fmt: skip


def test_a_part_behind_the_end_is_refused_and_one_of_other_bytes_is_not_sent(
    server: ApiServer,
) -> None:
    size = len(server.get("/api/charts/1/image").content)
    for asked in (f"bytes={size}-", "bytes=-0"):
        answer = server.get("/api/charts/1/image", headers={"Range": asked})
        problem(answer, 416, "range-not-satisfiable")
        assert answer.headers["content-range"] == f"bytes */{size}"
    headers = {"Range": "bytes=0-3", "If-Range": '"other"'}
    assert server.get("/api/charts/1/image", headers=headers).status_code == 200


@pytest.mark.parametrize(("path", "most"), [("/api/keys", 2**20), ("/api/recordings", 256 * 2**20)])
def test_a_body_that_is_too_large_is_refused_before_it_comes(
    path: str, most: int, server: ApiServer
) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    head = [
        f"POST {path} HTTP/1.1", f"Host: {host}:{port}", f"Authorization: Bearer {server.token}",
        "Content-Type: application/json", f"Content-Length: {most + 1}", "Connection: close",
        "", "",
    ]  # fmt: skip
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall("\r\n".join(head).encode())
        with connection.makefile("rb") as reader:
            answer = reader.read().decode()
    assert answer.startswith("HTTP/1.1 413 ")
    assert f"at most {most} bytes are taken here" in answer


def test_a_body_that_does_not_say_how_large_it_is_is_counted(server: ApiServer) -> None:
    def pieces() -> Generator[bytes]:
        yield b'{"label": "'
        for _ in range(2**20 // 1024 + 1):
            yield b"x" * 1024

    headers = {"Content-Type": "application/json"}
    answer = server.ask("POST", "/api/keys", content=pieces(), headers=headers)
    problem(answer, 413, "body-too-large")


def test_a_whole_list_is_a_file_and_who_took_it_is_on_record(
    server: ApiServer, recorded: Recorded
) -> None:
    every = server.document("/api/charts")["data"]
    lines = server.get("/api/charts.jsonl?symbol=AAPL&symbol=FB")
    assert [json.loads(line) for line in lines.text.splitlines()] == every
    assert lines.headers["content-disposition"] == 'attachment; filename="charts.jsonl"'
    shown = recorded.terminal.run("charts", "list", "--all", "--csv").out
    assert server.get("/api/charts.csv").text == shown
    problem(server.get("/api/charts.csv?limit=1"), 422, "invalid-parameters")
    first, second = server.document("/api/audit?action=export&limit=2")["data"]
    assert first["target"] == "charts.csv"
    assert second["target"] == 'charts.jsonl {"symbol": ["AAPL", "FB"]}'
    assert first["actor"] == second["actor"] != ""


def test_who_reads_evidence_is_on_record_before_it_is_sent(server: ApiServer) -> None:
    def reads() -> int:
        return server.document("/api/audit?target=image+of+chart+1&count=true")["count"]

    before = reads()
    found = server.get("/api/charts/1/image")
    assert reads() == before + 1
    server.get("/api/charts/1/image", headers={"If-None-Match": found.headers["etag"]})
    assert reads() == before + 1


def test_bars_and_other_bytes_are_those_that_rows_name(server: ApiServer) -> None:
    row = server.document("/api/snapshots/1")
    text = server.get("/api/snapshots/1/bars?format=recorded")
    assert row["bars_digest"] == f"sha256:{sha256(text.content).hexdigest()}"
    assert server.get("/api/snapshots/1/bars").content == text.content.partition(b"\n")[2]
    blob = server.get(f"/api/blobs/{row['bars_digest']}")
    assert blob.content == text.content
    assert blob.headers["content-disposition"].startswith("attachment; ")
    problem(server.get("/api/snapshots/1/bars?format=x"), 422, "invalid-parameters")
    problem(server.get("/api/blobs/sha256:0"), 422, "invalid-parameters")
    problem(server.get(f"/api/blobs/sha256:{'0' * 64}"), 404, "not-found")


def test_every_method_of_a_path_is_named(server: ApiServer) -> None:
    for path, methods in (("/api/keys", "GET, HEAD, POST"), ("/api/keys/1", "DELETE, GET, HEAD")):
        answer = server.ask("PATCH", path)
        problem(answer, 405, "method-not-allowed")
        assert answer.headers["allow"] == methods


def test_the_head_of_an_answer_is_that_of_the_answer(server: ApiServer) -> None:
    for path in ("/api/charts", "/api/charts/1/image", "/api/health/live"):
        whole, head = server.get(path), server.ask("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-length", "content-type", "etag"):
            assert head.headers.get(name) == whole.headers.get(name)


def test_the_newest_row_is_led_to(server: ApiServer) -> None:
    newest = server.document("/api/charts?limit=1")["data"][0]["id"]
    for part in ("", "/image"):
        answer = server.get(f"/api/charts/newest{part}")
        assert (answer.status_code, answer.headers["location"]) == (
            307, f"/api/charts/{newest}{part}",
        )  # fmt: skip
        assert answer.headers["cache-control"] == "no-store"
    problem(server.get("/api/charts/newest/X"), 404, "not-found")
    problem(server.get("/api/charts/"), 404, "not-found")
    problem(server.get("/api/notes/newest"), 404, "not-found")


def operations(server: ApiServer) -> list[tuple[str, str]]:
    paths = server.document("/api/openapi.json")["paths"]
    return [(method.upper(), path) for path, found in paths.items() for method in found]


def test_nobody_gets_anything_but_health_without_a_key(server: ApiServer) -> None:
    known = operations(server)
    assert len(known) > 2 * len(LISTS)
    wrong = server.token[:-1] + ("0" if server.token[-1] != "0" else "1")
    for method, path in [*known, ("GET", "/api/openapi.json"), ("GET", "/"), ("GET", "/api/x")]:
        url = server.url + path.format(number=1, digest="sha256:" + "0" * 64)
        if path.startswith("/api/health/"):
            assert server.client.request(method, url).status_code == 200
            continue
        for said in (
            {},
            {"Authorization": f"Bearer {wrong}"},
            {"Authorization": f"Basic {server.token}"},
            {"Authorization": f"Bearer {server.token} {server.token}"},
            {"Authorization": "Bearer " + "x" * 5000},
            {"Cookie": f"session={server.token}"},
        ):
            answer = server.client.request(method, url, headers=said)
            problem(answer, 401, "unauthenticated")
            assert answer.headers["www-authenticate"] == 'Bearer realm="tapetrail"'
        in_query = server.client.request(method, f"{url}?key={server.token}")
        problem(in_query, 401, "unauthenticated")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1:1", "x" * 999])
def test_a_request_that_names_another_host_is_refused(host: str, server: ApiServer) -> None:
    answer = server.get("/api/health/live", headers={"Host": host})
    said = problem(answer, 403, "foreign-host")
    assert said["type"].startswith(server.url)
    assert host == "" or host not in answer.text.replace(server.url, "")


def test_every_answer_keeps_browsers_from_sharing_it(server: ApiServer) -> None:
    for path in ("/api/charts", "/api/charts/1", "/api/nothing", "/api/health/live"):
        headers = server.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"] in {"no-store", "private, no-cache"}
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers


@pytest.mark.usefixtures("server")
def test_the_token_is_for_the_account_of_the_server_alone(recorded: Recorded) -> None:
    path = recorded.terminal.home / "server.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if os.geteuid() != 0:
        pytest.skip("another account can be tried as root alone")
    tried = f"import os; os.setuid(65534); open({str(path)!r})"
    ended = subprocess.run(
        [sys.executable, "-c", tried], capture_output=True, encoding="utf-8", check=False
    )
    assert "PermissionError" in ended.stderr


def test_a_server_that_ends_leaves_nothing_behind_that_lets_anybody_in(recorded: Recorded) -> None:
    path = recorded.terminal.home / "server.json"
    with api_server(recorded.terminal) as other:
        assert other.token in path.read_text("utf-8")
        assert other.get("/api/charts").status_code == 200
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "192.0.2.1"], "--host 192.0.2.1: expected an address of this machine"),
        (["--port", "70000"], "--port 70000: expected 65535 or less"),
    ],
)
def test_a_server_that_others_would_reach_is_refused(
    words: list[str], said: str, recorded: Recorded
) -> None:
    ended = recorded.terminal.run("serve", *words)
    assert ended.code == 2
    assert said in ended.err


def test_a_port_that_is_taken_is_said(server: ApiServer, recorded: Recorded) -> None:
    port = server.url.rpartition(":")[2]
    ended = recorded.terminal.run("serve", "--port", port)
    assert (ended.code, ended.err.splitlines()[0]) == (
        5, f"Error: cannot listen on 127.0.0.1:{port}",
    )  # fmt: skip


def test_the_type_of_a_problem_leads_to_what_it_means(server: ApiServer) -> None:
    said = problem(server.get("/api/charts/9999"), 404, "not-found")
    shown = server.document(said["type"].removeprefix(server.url))
    assert (shown["status"], shown["title"]) == (404, said["title"])
    problem(server.get("/api/problems/none"), 404, "not-found")


def test_what_a_killed_server_left_is_not_believed(tmp_path: Path) -> None:
    said = server_file.Announced(url="http://127.0.0.1:8787", token="t")  # noqa: S106 # of nobody
    with server_file.announced(tmp_path, said) as path:
        assert server_file.read(tmp_path) == said
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        document = json.loads(path.read_bytes())
        path.write_text(json.dumps({**document, "pid": gone.pid}), "utf-8")
        assert server_file.read(tmp_path) is None
        path.write_text("{}", "utf-8")
        assert server_file.read(tmp_path) is None
        path.chmod(0o644)
        with pytest.raises(InvalidInput, match="others may write or read it"):
            server_file.read(tmp_path)
        path.chmod(0o600)
