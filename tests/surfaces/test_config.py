"""Settings in files: which one counts, what is refused, and that no password is shown."""

import json
import os
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.surfaces.conftest import Answer, Run

from tapetrail.settings import is_secret, masked
from tapetrail.settings_files import SIZE_MAX

SECRET: Final = "s3cr3t"  # noqa: S105 # it opens nothing
URL: Final = f"postgresql://ann:{SECRET}@db.example/trail"


class Place:
    """A working folder, a user's configuration folder, and commands that run there."""

    def __init__(self, folder: Path, call: Run) -> None:
        self.file = folder / "here" / "tapetrail.toml"
        self.user_file = folder / "config" / "tapetrail" / "config.toml"
        for file in (self.file, self.user_file):
            file.parent.mkdir(parents=True)
        self._call = call
        self._config = str(folder / "config")

    def config(self, *words: str, **environment: str) -> Answer:
        return self._call("config", *words, XDG_CONFIG_HOME=self._config, **environment)

    def found(self, **environment: str) -> dict[str, tuple[str | None, str]]:
        answer = self.config("list", "--json", **environment)
        assert answer.code == 0, answer.err
        return {row["key"]: (row["value"], row["origin"]) for row in json.loads(answer.out)["data"]}


@pytest.fixture
def place(tmp_path: Path, call: Run, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(tmp_path, call)
    monkeypatch.chdir(made.file.parent)
    return made


def test_a_variable_goes_before_the_folders_file_and_that_before_the_users(place: Place) -> None:
    default = place.found(USER="ada", LOGNAME="ada")["actor"]
    assert default == ("ada", "default")
    place.user_file.write_text('actor = "user"\nhome = "mine"\n', encoding="utf-8")
    assert place.found()["actor"] == ("user", f"{place.user_file}: actor")
    place.file.write_text('actor = "folder"\n', encoding="utf-8")
    assert place.found()["actor"] == ("folder", f"{place.file}: actor")
    assert place.found(TAPETRAIL_ACTOR="said")["actor"] == ("said", "TAPETRAIL_ACTOR")
    home = place.user_file.parent / "mine"
    assert place.found()["home"] == (str(home), f"{place.user_file}: home")
    assert place.config("get", "home").out == f"{home}\n"


def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(place: Place) -> None:
    os.mkfifo(place.file)
    answer = place.config("list")
    assert answer.code == 2
    assert f"settings {place.file}: expected a file of at most" in answer.err


def test_a_projects_table_goes_between_the_folders_file_and_the_users(place: Place) -> None:
    project = place.file.parent / "pyproject.toml"
    project.write_text('[project]\nname = "tapetrail-user"\n[tool.tapetrail]\nactor = "project"\n')
    place.user_file.write_text('actor = "user"\nhome = "mine"\n', encoding="utf-8")
    assert place.found()["actor"] == ("project", f"{project}: actor")
    assert place.found()["home"][1] == f"{place.user_file}: home"
    place.file.write_text('actor = "folder"\n', encoding="utf-8")
    assert place.found()["actor"] == ("folder", f"{place.file}: actor")
    project.chmod(0o666)
    assert place.config("list").code == 2


def test_a_table_far_down_in_a_large_project_counts_as_well(place: Place) -> None:
    project = place.file.parent / "pyproject.toml"
    far = "# a comment\n" * (SIZE_MAX // 10)
    project.write_text(f'{far}[project]\nname = "x"\n[tool.tapetrail]\nactor = "project"\n')
    assert place.found()["actor"] == ("project", f"{project}: actor")


@pytest.mark.parametrize(
    "content", ['dependencies = ["tapetrail"]\n', "[tool]\nother = 1\n", "not TOML at all"]
)
def test_a_project_that_says_nothing_to_us_is_let_be(place: Place, content: str) -> None:
    project = place.file.parent / "pyproject.toml"
    project.write_text(content)
    project.chmod(0o666)
    assert place.config("list").code == 0


def test_every_command_honours_the_files(place: Place, call: Run) -> None:
    place.file.write_text('home = "elsewhere"\n', encoding="utf-8")
    answer = call("status")
    assert answer.code == 3
    assert f"no record in {place.file.parent / 'elsewhere'}" in answer.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("home = \n", ", line 1, column 8: invalid value"),
        ('home = "x', ", "),
        ('hoem = "x"\n', ": no setting 'hoem'; did you mean home?"),
        ("home = 3\n", ": home: expected text in quotes"),
        ('[home]\nx = "y"\n', ": home: expected text in quotes"),
        ('home = "~/x"\n', ": home: '~/x' begins with '~'; write the path out"),
        (
            'database_url = "mysql://h"\n',
            ": database_url: expected postgresql://..., found 'mysql'",
        ),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_with_its_place(
    text: str, message: str, place: Place
) -> None:
    place.file.write_text(text, encoding="utf-8")
    answer = place.config("list")
    assert answer.code == 2
    said = answer.err.replace("\n  ", "; ").removeprefix("Error: ").removeprefix("settings ")
    assert said.startswith(f"{place.file}{message}")


def test_a_file_that_cannot_be_text_is_refused(place: Place) -> None:
    place.file.write_bytes(b'home = "\xff"\n')
    assert "not UTF-8 at byte 8" in place.config("list").err
    place.file.write_bytes(b"#" * 100_001)
    assert "expected a file of at most 100000 bytes" in place.config("list").err
    place.file.unlink()
    place.file.mkdir()
    assert place.config("list").code == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away takes root")
def test_a_file_of_somebody_else_is_not_obeyed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.file.write_text('postgres_bin_dir = "evil"\n', encoding="utf-8")
    os.chown(place.file, 65534, 65534)
    monkeypatch.chdir(place.file.parent)
    assert "belongs to another user" in place.config("list").err


@pytest.mark.parametrize("mode", [0o602, 0o606, 0o622])
def test_a_file_that_everybody_may_write_is_not_obeyed(
    place: Place, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    place.file.write_text('actor = "x"\n', encoding="utf-8")
    place.file.chmod(mode)
    monkeypatch.chdir(place.file.parent)
    answer = place.config("list")
    assert answer.code == 2
    assert "everybody may write to it" in answer.err
    assert f"chmod go-w {place.file}" in answer.err


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file to a group takes root")
@pytest.mark.parametrize(("group", "code"), [(0, 0), (1, 2), (47_119, 2)])
def test_a_file_that_a_group_may_write_is_obeyed_where_the_group_is_its_owner_alone(
    *, place: Place, monkeypatch: pytest.MonkeyPatch, group: int, code: int
) -> None:
    """The account `daemon` is in group 1 by its login, and nobody is in a group without a name."""
    place.file.write_text('actor = "x"\n', encoding="utf-8")
    os.chown(place.file, 0, group)
    place.file.chmod(0o660)
    monkeypatch.chdir(place.file.parent)
    answer = place.config("list")
    assert answer.code == code, answer.err
    assert (code == 0) != ("may write to it" in answer.err)


def test_a_password_counts_only_in_a_file_that_nobody_else_reads_and_is_never_shown(
    place: Place,
) -> None:
    place.file.write_text(f'database_url = "{URL}"\n', encoding="utf-8")
    place.file.chmod(0o644)
    refused = place.config("list")
    assert refused.code == 2
    assert "chmod 600" in refused.err
    place.file.chmod(0o600)
    answers = [
        place.config("list", "--show-origin"),
        place.config("list", "--json"),
        place.config("get", "database_url"),
    ]
    for answer in answers:
        assert answer.code == 0
        assert "ann:***@db.example/trail" in answer.out
    for answer in [refused, *answers, place.config("list", TAPETRAIL_DATABASE_URL=URL)]:
        assert SECRET not in answer.out + answer.err


def test_set_keeps_comments_and_order_and_replaces_the_file_whole(place: Place) -> None:
    place.file.write_text('# ours\nactor = "a" # who\n\nhome = "x"\n', encoding="utf-8")
    place.file.chmod(0o640)
    answer = place.config("set", "actor", 'b "c"')
    assert (answer.code, answer.err) == (0, f"written to {place.file}\n")
    assert place.file.read_text(encoding="utf-8") == (
        '# ours\nactor = "b \\"c\\"" # who\n\nhome = "x"\n'
    )
    assert place.file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in place.file.parent.iterdir()] == ["tapetrail.toml"]


def test_set_says_what_goes_before_what_was_written(place: Place) -> None:
    answer = place.config("set", "actor", "ann", "--user", TAPETRAIL_ACTOR="bob")
    assert answer.err == f"written to {place.user_file}\nbut TAPETRAIL_ACTOR goes before it\n"
    assert place.user_file.stat().st_mode & 0o777 == 0o600
    assert place.config("path", "--user").out == f"{place.user_file}\n"
    assert place.config("path").out == f"{place.file}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("set", "hoem", "x"), "set: no setting 'hoem'"),
        (("get", "zzzzzz"), "get: no setting 'zzzzzz'"),
        (("set", "home", "~/x"), "begins with '~'"),
        (("set", "database_url", "mysql://h/d"), "expected postgresql://"),
        (("set", "database_url", URL), "a password is never written"),
        (("set", "database_url", "postgresql:///d?password=x"), "a password is never written"),
    ],
)
def test_what_breaks_a_rule_is_not_written(
    words: tuple[str, ...], message: str, place: Place
) -> None:
    answer = place.config(*words)
    assert answer.code == 2
    assert message in answer.err
    assert SECRET not in answer.err
    assert not place.file.exists()


def test_a_setting_without_a_value_is_not_found(place: Place) -> None:
    assert place.config("get", "database_url").code == 3
    assert place.config().out.startswith("Usage: tapetrail config")


words = st.text(st.characters(exclude_characters="@"), max_size=20)


@given(user=st.from_regex(r"[a-z]{1,8}", fullmatch=True), password=words.filter(bool), rest=words)
def test_no_password_of_any_signs_is_shown(user: str, password: str, rest: str) -> None:
    unlikely = f"<{password}>"
    url = f"postgresql://{user}:{unlikely}@host/{rest}"
    assert is_secret("database_url", url)
    assert unlikely not in masked(url)


def test_the_file_of_keys_is_shown_and_none_of_its_keys(place: Place) -> None:
    keys = place.file.parent / "keys"
    keys.write_text(f"OPENAI_API_KEY={SECRET}\n", encoding="utf-8")
    assert place.config("set", "keys_file", "keys").code == 0
    assert place.found()["keys_file"] == (str(keys), f"{place.file}: keys_file")
    assert place.config("get", "keys_file").out == f"{keys}\n"
    answer = place.config("list", "--show-origin")
    assert str(keys) in answer.out
    assert SECRET not in answer.out + answer.err + place.file.read_text(encoding="utf-8")
