from datetime import date
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.blob_keys import chart_key, checked_key, object_key
from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.errors import InvalidInput

EMPTY = digest_bytes(b"")
LAST_SESSION = date(2013, 3, 1)


def chart(symbol: str = "AAPL", timeframe: str = "1d", suffix: str = "jpg") -> str:
    return chart_key(
        symbol=symbol, last_session=LAST_SESSION, timeframe=timeframe, digest=EMPTY, suffix=suffix
    )


def test_an_object_lies_in_the_folder_of_its_first_two_digits() -> None:
    rest = "b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert object_key(EMPTY) == f"objects/e3/{rest}"


def test_a_chart_says_its_symbol_session_timeframe_and_content() -> None:
    assert chart() == "charts/AAPL/20130301/1d-e3b0c44298fc.jpg"
    assert chart(suffix="html").endswith(".html")


@pytest.mark.parametrize(
    ("symbol", "folder"),
    [("BRK.B", "BRK.B"), ("BF/B", "BF%2FB"), ("..", "%2E%2E"), (".", "%2E"), ("Ä", "%C3%84")],
)
def test_a_symbol_stays_one_readable_folder(symbol: str, folder: str) -> None:
    assert chart(symbol).split("/")[1] == folder


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_every_symbol_has_a_safe_key_of_its_own(symbol: str) -> None:
    key = chart(symbol)
    assert checked_key(key) == key
    assert unquote(key.split("/")[1]) == symbol


@pytest.mark.parametrize("symbol", ["", "A" * 256, "\ud800"])
def test_a_symbol_no_folder_can_be_named_after_is_refused(symbol: str) -> None:
    with pytest.raises(InvalidInput):
        chart(symbol)


@pytest.mark.parametrize("suffix", ["", ".jpg", "JPG", "a/b"])
def test_a_suffix_is_lower_case_letters_and_digits(suffix: str) -> None:
    with pytest.raises(InvalidInput, match="suffix"):
        chart(suffix=suffix)


def test_what_is_not_a_digest_gets_no_key() -> None:
    with pytest.raises(InvalidInput, match="digest"):
        object_key(Digest("sha256:../../etc/passwd"))


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "a//b", "a/", "../a", "a/../b", "a/.", "a\0b", "a\\b", "a b", "ä", "a\n"],
)
def test_a_key_that_could_leave_its_root_or_mean_two_things_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match="blob key"):
        checked_key(key)
