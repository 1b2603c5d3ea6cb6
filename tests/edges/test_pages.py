"""Pages of replies in one payload are cut out again, to the byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.errors import InvalidInput
from tapetrail.sources.pages import pages_of, pages_text


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_pages_come_back_as_they_were(pages: list[bytes]) -> None:
    assert pages_of(pages_text(pages)) == pages


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5, 7, 8, 9, 10, 11])
def test_a_payload_that_was_cut_is_none(cut: int) -> None:
    whole = pages_text([b"[1]", b"[2]"])
    with pytest.raises(InvalidInput, match="pages: "):
        pages_of(whole[:-cut])


def test_other_bytes_are_none() -> None:
    with pytest.raises(InvalidInput, match="begin with b'\\[\\[1\\]\\]'"):
        pages_of(b"[[1]]")
