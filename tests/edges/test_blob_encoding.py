"""Pages are kept packed: any gzip reads them, and what they begin with is packed but once."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.blobs.encoding import HEAD_BYTES, packed, unpacked

PAGE = "charts/AAPL/20130301/1d-0123456789ab.html"
IMAGE = "charts/AAPL/20130301/1d-0123456789ab.jpg"
HEAD = bytes(range(256)) * (HEAD_BYTES // 256 + 1)


@given(st.binary(max_size=2000), st.integers(0, HEAD_BYTES + 300))
def test_any_gzip_unpacks_a_page_of_any_length(tail: bytes, length: int) -> None:
    page = HEAD[:length] + tail
    kept = packed(page, key=PAGE)
    assert gzip.decompress(kept) == page
    assert unpacked(kept, key=PAGE) == page


def test_pages_that_begin_alike_do_not_mix() -> None:
    pages = [HEAD[:HEAD_BYTES] + bytes([letter]) * 1000 for letter in range(8)]
    kept = [packed(page, key=PAGE) for page in (*pages, *pages)]
    assert [unpacked(each, key=PAGE) for each in kept] == [*pages, *pages]
    assert kept[:8] == kept[8:]


@pytest.mark.parametrize("content", [b"", b"JPEG", HEAD])
def test_what_is_no_page_is_kept_as_it_is(content: bytes) -> None:
    assert packed(content, key=IMAGE) == content
    assert unpacked(content, key=IMAGE) == content
