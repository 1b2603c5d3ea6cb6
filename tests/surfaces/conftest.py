"""The command line as its users meet it: as a process, or its function called in this one."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser
from tests.chromium import running_chromium
from tests.edges.test_binance import good
from tests.homes import copy_home, plain_path, programs
from tests.model_server import model_server

from tapetrail.cli.app import run_command_line

AS_OF: Final = "2012-08-03"
Run = Callable[..., "Answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command ended with."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Our command line as a process of its own, with a home folder."""

    home: Path

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "tapetrail", *words]

    def environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("TAPETRAIL_") and name not in {"NO_COLOR", "FORCE_COLOR"}
        }
        # Files of settings of whoever runs the tests do not count in them.
        own = {"TAPETRAIL_HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home.parent)}
        return {**kept, **plain_path(), **own, **programs(), **more}

    def run(self, *words: str, **environment: str) -> Answer:
        """Return how a command ended, which it has to within two minutes."""
        ended = subprocess.run(
            self.command(*words),
            env=self.environment(**environment),
            cwd=self.home.parent,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        return Answer(code=ended.returncode, out=ended.stdout, err=ended.stderr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A home in which one strategy ran once: AAPL completed, FB failed for want of weekly bars.

    Beside it, one pair's bars were fetched from a vendor.
    """

    terminal: Terminal
    ran: Answer
    started: Answer


@pytest.fixture(scope="session")
def recorded(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Recorded]:
    """Give a home with one execution, its server up for as long as the session."""
    folder = tmp_path_factory.mktemp("command-line")
    terminal = Terminal(home=folder / "home")
    copy_home(prepared_home, terminal.home)
    strategy = folder / "two.yaml"
    strategy.write_text("name: two\ninstruments: [AAPL, FB]\n", encoding="utf-8")
    started = terminal.run("db", "start")
    ran = terminal.run("run", str(strategy), "--as-of", AS_OF, "--json")
    with model_server() as vendor:
        vendor.answers = good
        words = ("data", "fetch", "BTCUSDT", "--source", "binance")
        assert terminal.run(*words, BINANCE_BASE_URL=vendor.url).code == 0
    yield Recorded(terminal=terminal, ran=ran, started=started)
    terminal.run("db", "stop")


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with running_chromium() as running:
        yield running


@pytest.fixture(scope="session")
def backup(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backup") / "record.tar"
    answer = recorded.terminal.run("db", "backup", str(file))
    assert answer.code == 0, answer.err
    assert "2 decisions among them" in answer.out
    return file


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs a command in this process, in an environment of its own."""
    for name in [*os.environ]:
        if name.startswith("TAPETRAIL_") or name in {"NO_COLOR", "FORCE_COLOR"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", os.devnull)
    # Put back at the end: a command takes it for its own process.
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    def run(*words: str, **environment: str) -> Answer:
        with monkeypatch.context() as patch:
            for name, value in {**programs(), **environment}.items():
                patch.setenv(name, value)
            capsys.readouterr()
            code = run_command_line(list(words))
        said = capsys.readouterr()
        return Answer(code=code, out=said.out, err=said.err)

    return run


@pytest.fixture
def ask(recorded: Recorded, call: Run) -> Run:
    """Return what runs a command on the recorded home."""

    def run(*words: str, **environment: str) -> Answer:
        return call(*words, TAPETRAIL_HOME=str(recorded.terminal.home), **environment)

    return run
