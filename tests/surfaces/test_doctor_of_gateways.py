"""The doctor says what IBKR's gateway lacks, where somebody means one, and nothing of it else."""

import json
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.ibkr_gateway import IbkrGateway
from tests.model_server import CERTIFICATE, Answer, ModelServer, model_server
from tests.surfaces.conftest import Run


@pytest.fixture
def gateway() -> IbkrGateway:
    return IbkrGateway()


@pytest.fixture
def server(gateway: IbkrGateway) -> Generator[ModelServer]:
    with model_server(tls=True) as running:
        running.answers = gateway
        yield running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("IBKR_BASE_URL", "IBKR_CA_FILE", "IBKR_VERIFY_TLS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def said(call: Run, folder: Path, **environment: str) -> list[dict[str, str]]:
    """Return what is said of the gateway; a gateway that lacks something is no failure of ours."""
    answer = call("doctor", "--json", TAPETRAIL_HOME=str(folder / "home"), **environment)
    assert answer.code == 0, answer.out + answer.err
    return [row for row in json.loads(answer.out)["data"] if row["name"] == "ibkr"]


def test_a_gateway_that_nobody_means_is_not_asked(call: Run, folder: Path) -> None:
    assert said(call, folder) == []


def test_a_gateway_that_is_ready_is_said_so_without_its_accounts(
    call: Run, folder: Path, server: ModelServer
) -> None:
    trusted = {"IBKR_BASE_URL": server.url, "IBKR_CA_FILE": str(CERTIFICATE)}
    (found,) = said(call, folder, **trusted)
    assert (found["level"], found["found"]) == (
        "ok",
        f"{server.url}/v1/api is logged in, with 1 account",
    )
    assert [each.method for each in server.asked] == ["GET", "GET"]


def test_a_certificate_that_is_not_checked_is_a_warning(
    *, call: Run, folder: Path, server: ModelServer, gateway: IbkrGateway
) -> None:
    gateway.accounts = ("DU0000001", "DU0000002")
    (found,) = said(call, folder, IBKR_BASE_URL=server.url, IBKR_VERIFY_TLS="false")
    assert found["level"] == "warn"
    assert "with 2 accounts; its certificate is not checked" in found["found"]
    assert found["fix"] == "name its certificate in IBKR_CA_FILE"


def test_a_certificate_that_nobody_vouches_for_is_said_with_the_ways_on(
    call: Run, folder: Path, server: ModelServer
) -> None:
    (found,) = said(call, folder, IBKR_BASE_URL=server.url)
    assert found["level"] == "warn"
    assert "name it in IBKR_CA_FILE, if it is made out to that address" in found["found"]
    (found,) = said(call, folder, IBKR_BASE_URL="gateway")
    assert "IBKR_BASE_URL 'gateway' is no address" in found["found"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"has_session": False}, "ibkr: no session; log in at the gateway, in a browser"),
        ({"competes": True}, "another session of this user competes"),
        ({"is_connected": False}, "logged in, and not connected to IBKR"),
        ({"is_connected": None}, "logged in, and not connected to IBKR"),
        ({"accounts": ()}, "no account with this login"),
    ],
)
def test_what_a_gateway_lacks_is_said(  # noqa: PLR0917 # a case a column
    change: dict[str, object], words: str, call: Run, folder: Path, server: ModelServer,
    gateway: IbkrGateway,
) -> None:  # fmt: skip
    for name, value in change.items():
        setattr(gateway, name, value)
    (found,) = said(call, folder, IBKR_BASE_URL=server.url, IBKR_VERIFY_TLS="false")
    assert found["level"] == "warn"
    assert words in found["found"]
    assert gateway.bodies == []


def test_a_strategy_of_the_folder_means_the_gateway_too(
    call: Run, folder: Path, server: ModelServer
) -> None:
    text = "name: mine\ninstruments: [AAPL]\nsource: ibkr\n"
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    server.answers = lambda _: Answer(status=401, body=b"")
    # Without an address it is the usual one, where nobody may be asked by a test.
    (found,) = said(call, folder, IBKR_VERIFY_TLS="never")
    assert "IBKR_VERIFY_TLS 'never', expected true or false" in found["found"]
    (found,) = said(call, folder, IBKR_VERIFY_TLS="false", IBKR_BASE_URL=server.url)
    assert "HTTP 401: nobody is logged in" in found["found"]
