"""Keys of models from a file of one's own: taken where the environment has none, never shown."""

from pathlib import Path
from typing import Final

import pytest
from tests.model_server import model_server

from tapetrail.analysts.models.analyst import EndpointModel
from tapetrail.analysts.protocol import Request
from tapetrail.bootstrap import Wiring
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.settings import read_settings

KEY: Final = "sk-never-to-be-seen-0123456789"


def keys_file(folder: Path, text: str, *, mode: int = 0o600) -> Path:
    path = folder / "keys"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def wiring(path: Path, **environment: str) -> Wiring:
    settings = read_settings(
        {"USER": "ada", "TAPETRAIL_KEYS_FILE": str(path)}, working_folder=path.parent
    )
    return Wiring(settings=settings, environment=environment)


def refusal(path: Path) -> InvalidInput:
    found = wiring(path)
    with pytest.raises(InvalidInput) as caught:
        found.ports()
    assert KEY not in f"{caught.value} {caught.value!r} {found!r}"
    assert caught.value.message.startswith(f"settings {path}")
    return caught.value


def test_a_model_is_asked_with_the_key_of_the_file(tmp_path: Path) -> None:
    path = keys_file(tmp_path, f"# mine\n\nexport MY_API_KEY='{KEY}'\nOPENAI_API_KEY={KEY}\n")
    with model_server() as server:
        mine = {"analyst": "compatible:m", "base_url": f"{server.url}/v1", "key_env": "MY_API_KEY"}
        spec = parse_strategy({"name": "x", "instruments": ["IBM"], "analyst": mine}, place="x")
        ports = wiring(path).ports()
        (stated,) = spec.analysts
        model = ports.open_analyst(stated)
        assert isinstance(model, EndpointModel)
        assert KEY not in repr(ports) + repr(model)
        asked = Request(body=b"{}", media_type="application/json", prompt_text="?")
        with model.transport:
            model.send(asked)
        (came,) = server.asked
    assert came.headers["authorization"] == f"Bearer {KEY}"


def test_the_environment_goes_before_the_file_and_what_is_empty_is_absent(tmp_path: Path) -> None:
    path = keys_file(tmp_path, "OPENAI_API_KEY=file\nGOOGLE_API_KEY=\nOPENAI_ORG_ID=org\n")
    found = wiring(path, OPENAI_API_KEY="environment", OPENAI_ORG_ID="", OTHER="1").keys()
    assert found == {
        "OPENAI_API_KEY": "environment", "OPENAI_ORG_ID": "org", "GOOGLE_API_KEY": "", "OTHER": "1",
    }  # fmt: skip


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_file_that_others_may_read_or_write_is_refused(mode: int, tmp_path: Path) -> None:
    path = keys_file(tmp_path, f"OPENAI_API_KEY={KEY}\n", mode=mode)
    assert f"others may read or write it, and keys are in it; chmod 600 {path}" in str(
        refusal(path)
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{KEY}\n", "line 1: expected NAME=value"),
        (f"\n{KEY}=OPENAI_API_KEY\n", "line 2: expected NAME=value"),
        (f"OPENAI_API_KEY={KEY} # work\n", "line 1: expected NAME=value, its value unspaced"),
        (f'OPENAI_API_KEY="{KEY}\n', "line 1: expected NAME=value"),
        (f"OPENAI_API_KEY = {KEY}\n", "line 1: expected NAME=value"),
        (f"OPENAI_API_KYE={KEY}\n", "expected one that ends with _API_KEY, or ANTHROPIC_BASE_URL"),
        ("HTTPS_PROXY=http://else.where\n", "no model is asked with a variable of that name"),
        (f"A_API_KEY={KEY}\nA_API_KEY={KEY}\n", "line 2: that name stands there a second time"),
    ],
)
def test_a_line_that_says_no_key_is_refused_by_its_number(
    text: str, says: str, tmp_path: Path
) -> None:
    assert says in refusal(keys_file(tmp_path, text)).message


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    assert "no such file; keys_file names it" in refusal(tmp_path / "none").message
    assert "cannot be read; Is a directory" in refusal(tmp_path).message
    path = keys_file(tmp_path, "")
    path.write_bytes(b"OPENAI_API_KEY=\xff\n")
    assert "not UTF-8 at byte 15" in refusal(path).message


def test_without_a_key_the_file_is_named_as_a_place_for_it(tmp_path: Path) -> None:
    spec = {"name": "x", "instruments": ["IBM"], "analyst": "openai:gpt-4o"}
    planner = wiring(keys_file(tmp_path, "")).planner(None)
    with pytest.raises(InvalidInput, match="or write it into your keys_file") as caught:
        planner.check(parse_strategy(spec, place="x"))
    assert caught.value.kind is ErrorKind.KEY_MISSING
