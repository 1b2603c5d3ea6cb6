"""Shells complete our words, and no file changes for it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.surfaces.conftest import Run

from tapetrail.cli.commands.completion import Shell

TAPETRAIL = Path(sys.executable).with_name("tapetrail")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a home for the shell in which nothing may be written."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def completed(words: str, shell: str, *, folder: Path) -> list[str]:
    """Return what a shell is told when `words` are typed so far."""
    environment = {
        "_TAPETRAIL_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": words.replace(" ", "\n"), "COMP_CWORD": str(words.count(" ")),
        "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_WORD_TO_COMPLETE": words.rpartition(" ")[2],
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }  # fmt: skip
    answered = subprocess.run(
        [TAPETRAIL],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        cwd=folder, capture_output=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    assert (answered.returncode, answered.stderr, [*folder.iterdir()]) == (0, "", [])
    return answered.stdout.split("\n")[:-1]


@pytest.mark.parametrize("shell", Shell)
def test_a_script_names_the_program_and_its_variable(shell: str, call: Run, folder: Path) -> None:
    script = call("completion", shell, HOME=str(folder), XDG_CONFIG_HOME=str(folder))
    assert (script.code, script.err, [*folder.iterdir()]) == (0, "", [])
    assert "tapetrail" in script.out
    assert f"complete_{shell}" in script.out
    assert "_TAPETRAIL_COMPLETE" in script.out


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_can_read_its_script(shell: str, call: Run) -> None:
    script = call("completion", shell).out
    for reader in ("/bin/bash", shutil.which(shell)):
        if reader is not None:
            subprocess.run([reader, "-n"], input=script, encoding="utf-8", timeout=60, check=True)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("tapetrail deci", ["decisions"]),
        ("tapetrail decisions ", ["list", "show"]),
        ("tapetrail decisions list --json", ["--json", "--jsonl"]),
        ("tapetrail decisions list --col", ["--columns"]),
        ("tapetrail decisions --limit 5 --col", ["--columns"]),
        ("tapetrail charts sa", ["save"]),
        ("tapetrail completion ", ["bash", "zsh", "fish", "powershell"]),
        ("tapetrail frob", []),
    ],
)
def test_bash_is_told_what_a_word_may_become(words: str, found: list[str], folder: Path) -> None:
    assert sorted(filter(None, completed(words, "bash", folder=folder))) == sorted(found)


@pytest.mark.parametrize(
    ("shell", "told"),
    [
        ("zsh", '"decisions":"List and show decisions'),
        ("fish", "decisions\tList and show decisions"),
        ("powershell", "decisions:::List and show decisions"),
    ],
)
def test_other_shells_are_told_what_it_means_too(shell: str, told: str, folder: Path) -> None:
    assert told in "\n".join(completed("tapetrail deci", shell, folder=folder))


def test_bash_completes_a_typed_word(folder: Path) -> None:
    typed = (
        'eval "$(tapetrail completion bash)";'
        " COMP_WORDS=(tapetrail deci); COMP_CWORD=1; _tapetrail_completion tapetrail;"
        ' echo "${COMPREPLY[@]}"'
    )
    path = f"{TAPETRAIL.parent}:{os.environ['PATH']}"
    answered = subprocess.run(
        ["/bin/bash", "--norc", "-c", typed],
        env={"PATH": path, "HOME": str(folder)}, capture_output=True, encoding="utf-8",
        timeout=60, check=True,
    )  # fmt: skip
    assert answered.stdout == "decisions\n"


def test_an_unknown_shell_is_refused(call: Run) -> None:
    answer = call("completion", "tcsh")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("Error: SHELL tcsh: expected one of bash, zsh, fish")
    assert call("completion").code == 2
