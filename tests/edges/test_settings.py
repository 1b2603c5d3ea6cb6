"""What the environment decides, and what it may not say."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.errors import InvalidInput
from tapetrail.settings import Settings, read_settings

FOLDER = Path("/somewhere/else")


def settings(**environment: str) -> Settings:
    return read_settings({"USER": "ada", **environment}, working_folder=FOLDER)


def test_without_a_word_the_home_lies_in_the_working_folder() -> None:
    assert settings() == Settings(
        home=FOLDER / ".tapetrail", database_url=None, postgres_bin_dir=None, actor="ada"
    )


@pytest.mark.parametrize(
    "name",
    [
        "TAPETRAIL_HOME",
        "TAPETRAIL_DATABASE_URL",
        "TAPETRAIL_POSTGRES_BIN_DIR",
        "TAPETRAIL_ACTOR",
        "TAPETRAIL_KEYS_FILE",
    ],
)
def test_an_empty_variable_counts_as_absent(name: str) -> None:
    assert settings(**{name: ""}) == settings()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/data/trail", Path("/data/trail")),
        ("trail", FOLDER / "trail"),
        ("../trail/.", Path("/somewhere/trail")),
    ],
)
def test_paths_are_absolute_and_begin_at_the_working_folder(text: str, path: Path) -> None:
    found = settings(TAPETRAIL_HOME=text, TAPETRAIL_POSTGRES_BIN_DIR=text)
    assert (found.home, found.postgres_bin_dir) == (path, path)


@pytest.mark.parametrize("name", ["TAPETRAIL_HOME", "TAPETRAIL_POSTGRES_BIN_DIR"])
def test_a_tilde_that_no_shell_has_read_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"{name}: '~/trail' begins with '~'"):
        settings(**{name: "~/trail"})


def test_variables_nobody_reads_are_refused_by_name() -> None:
    with pytest.raises(InvalidInput) as failure:
        settings(TAPETRAIL_HOEM="x", TAPETRAIL_BLOBB="y", HOME="/root", tapetrail_x="z")
    assert failure.value.message == (
        "environment: TAPETRAIL_BLOBB, TAPETRAIL_HOEM not known; the known ones are"
        " TAPETRAIL_ACTOR, TAPETRAIL_ALLOWED_ORIGINS, TAPETRAIL_BLOBS, TAPETRAIL_BUDGET_DAY_USD,"
        " TAPETRAIL_DATABASE_URL,"
        " TAPETRAIL_DEBUG, TAPETRAIL_DEBUG_MODE, TAPETRAIL_HOME, TAPETRAIL_KEYS_FILE,"
        " TAPETRAIL_POSTGRES_BIN_DIR, TAPETRAIL_S3_ACCESS_KEY, TAPETRAIL_S3_CHECKSUMS,"
        " TAPETRAIL_S3_CONDITIONAL_PUTS, TAPETRAIL_S3_ENDPOINT, TAPETRAIL_S3_REGION,"
        " TAPETRAIL_S3_SECRET_KEY, TAPETRAIL_S3_SESSION_TOKEN, TAPETRAIL_SERVER,"
        " TAPETRAIL_SERVER_KEY"
    )


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_usual_postgresql_address_is_taken(scheme: str) -> None:
    found = settings(TAPETRAIL_DATABASE_URL=f"{scheme}://ada:secret@db:5432/trail?sslmode=require")
    assert found.database_url == ("postgresql+psycopg://ada:secret@db:5432/trail?sslmode=require")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://ada:secret@db/trail", "expected postgresql://..., found 'mysql'"),
        ("ada:secret@db/trail", "expected postgresql://..., found no '://'"),
        ("postgresql:ada:secret@db", "expected postgresql://..., found no '://'"),
    ],
)
def test_another_address_is_refused_and_its_password_not_repeated(url: str, said: str) -> None:
    with pytest.raises(InvalidInput) as failure:
        settings(TAPETRAIL_DATABASE_URL=url)
    assert failure.value.message == f"TAPETRAIL_DATABASE_URL: {said}"


@pytest.mark.parametrize(
    ("environment", "actor"),
    [
        ({"TAPETRAIL_ACTOR": "night desk", "USER": "ada"}, "night desk"),
        ({"TAPETRAIL_ACTOR": "  ", "LOGNAME": "grace", "USER": "ada"}, "grace"),
        ({"USERNAME": "ada"}, "ada"),
    ],
)
def test_the_actor_is_who_is_stated_else_who_is_logged_in(
    environment: dict[str, str], actor: str
) -> None:
    assert read_settings(environment, working_folder=FOLDER).actor == actor


def test_an_environment_that_names_nobody_still_has_an_actor() -> None:
    assert read_settings({}, working_folder=FOLDER).actor != ""


def test_an_account_without_a_name_acts_as_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 7)
    assert read_settings({}, working_folder=FOLDER).actor == "unknown"


def test_an_actor_that_is_not_text_is_refused() -> None:
    undecodable = b"ad\xffa".decode("utf-8", "surrogateescape")
    with pytest.raises(InvalidInput, match=r"TAPETRAIL_ACTOR: .* is not UTF-8 text"):
        settings(TAPETRAIL_ACTOR=undecodable)


@given(
    st.dictionaries(
        st.sampled_from(
            ["TAPETRAIL_HOME", "TAPETRAIL_DATABASE_URL", "TAPETRAIL_ACTOR", "USER", "LOGNAME"]
        ),
        # A byte that is not UTF-8 becomes a surrogate of its own; an environment has no others.
        st.text(
            st.characters(
                exclude_characters="\x00", exclude_categories=["Cs"], include_characters="\udcff"
            ),
            max_size=20,
        ),
    )
)
def test_no_environment_is_more_than_refused(environment: dict[str, str]) -> None:
    try:
        found = read_settings(environment, working_folder=FOLDER)
    except InvalidInput as error:
        assert error.message.startswith("TAPETRAIL_")  # noqa: PT017 # acceptance is fine too
    else:
        assert found.home.is_absolute()


def test_a_password_with_a_sign_that_ends_it_is_refused_and_no_piece_of_it_shown() -> None:
    with pytest.raises(InvalidInput, match="write %40 for it") as refused:
        settings(TAPETRAIL_DATABASE_URL="postgresql://me:p@ss@host/db")
    assert "ss" not in refused.value.message.replace("password", "")
