"""The REST interface as its users meet it: a process of the command line, asked over HTTP."""

import json
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from tests.edges.waiting import wait_for
from tests.surfaces.conftest import Terminal

from tapetrail.server_file import NAME

READY: Final = "serving http"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServer:
    """A server that runs, its address and the token that it was started with."""

    url: str
    token: str
    process: subprocess.Popen[bytes]
    client: httpx2.Client

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Return what a request is answered by, with the token unless another header says it."""
        own = {"Authorization": f"Bearer {self.token}"}
        headers: Mapping[str, str] = {**own, **options.pop("headers", {})}
        return self.client.request(method, f"{self.url}{path}", headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        """Return what is found at a path."""
        return self.ask("GET", path, **options)

    def document(self, path: str) -> Any:
        """Return the JSON document that is found at a path."""
        found = self.get(path)
        assert found.status_code == 200, found.text
        return found.json()

    def every(self, path: str) -> list[dict[str, Any]]:
        """Return every row of a list, page by page."""
        rows: list[dict[str, Any]] = []
        cursor, glue = "", "&" if "?" in path else "?"
        while True:
            page = self.document(f"{path}{glue}cursor={cursor}" if cursor else path)
            rows += page["data"]
            assert page["has_more"] == (page["next_cursor"] is not None)
            if not page["has_more"]:
                return rows
            cursor = page["next_cursor"]


@contextmanager
def api_server(terminal: Terminal, *words: str, **environment: str) -> Generator[ApiServer]:
    """Give a server of a home; it ends in good order."""
    said = terminal.home.with_name("server.txt")
    with said.open("wb") as file:
        process = subprocess.Popen(
            terminal.command("serve", "--port", "0", *words),
            env=terminal.environment(**environment),
            cwd=terminal.home.parent,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: READY in said.read_text("utf-8") or process.poll() is not None)
        assert process.poll() is None, said.read_text("utf-8")
        found = json.loads((terminal.home / NAME).read_bytes())
        with httpx2.Client(timeout=30) as client:
            yield ApiServer(url=found["url"], token=found["token"], process=process, client=client)
    finally:
        process.terminate()
        assert process.wait(20) == 0, said.read_text("utf-8")
