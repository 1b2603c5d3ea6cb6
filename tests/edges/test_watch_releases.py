"""The oldest and the newest release of each SDK are seen alike, each in an environment of its own.

It needs PyPI. The oldest ones need a client of their time: later ones took a parameter away.
"""

import subprocess
import venv
from base64 import b64decode
from pathlib import Path
from typing import Final

import pytest
from tests.edges.watched import model_reply, seen_by_script
from tests.raw_server import raw_server

OLD_HTTPX: Final = "httpx==0.27.2"
RELEASES: Final = [
    ("openai", ["openai==1.40.0", OLD_HTTPX]),
    ("openai", ["openai==2.0.0"]),
    ("openai", ["openai"]),
    ("openai", ["openai[aiohttp]"]),
    ("anthropic", ["anthropic==0.40.0", OLD_HTTPX]),
    ("anthropic", ["anthropic==1.0.0"]),
    ("anthropic", ["anthropic"]),
    ("anthropic", ["anthropic[aiohttp]"]),
    ("google", ["google-genai==1.7.0"]),
    ("google", ["google-genai==2.0.0"]),
    ("google", ["google-genai", "httpx"]),
    ("google", ["google-genai", "httpx2"]),
]
UNSEEN: Final = [("google", ["google-genai", "httpx", "aiohttp"])]
"""What goes around, in part: so does all of google-genai before 1.7, which sent by requests."""
pytestmark = pytest.mark.torture


def environment(folder: Path, packages: list[str]) -> Path:
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    subprocess.run([python, *words], check=True)
    return python


@pytest.mark.parametrize(("name", "packages"), RELEASES, ids=str)
def test_a_release_is_seen_to_the_byte(name: str, packages: list[str], tmp_path: Path) -> None:
    python = environment(tmp_path / "venv", packages)
    backend = "aiohttp" if "aiohttp" in packages[0] else ""
    with raw_server(model_reply) as server:
        seen, problems = seen_by_script(python, name, server.url, backend=backend)
    assert [b64decode(each["sent"]) for each in seen] == [each.body for each in server.asked]
    assert [b64decode(each["received"]) for each in seen] == server.said
    assert len(seen) == 4
    assert not any(each["shows_key"] for each in seen)
    assert problems == ""


@pytest.mark.parametrize(("name", "packages"), UNSEEN, ids=str)
def test_what_goes_around_is_not_seen_and_is_named(
    name: str, packages: list[str], tmp_path: Path
) -> None:
    python = environment(tmp_path / "venv", packages)
    with raw_server(model_reply) as server:
        seen, problems = seen_by_script(python, name, server.url, backend="")
    assert (len(server.asked), len(seen)) == (4, 2)
    assert problems.startswith("google-genai's async client sends through aiohttp")
