"""A body is unpacked by what is there, and where nothing is, that is said."""

import gzip
import sys
import zlib
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.packed_bodies import PLAIN_BYTES_MAX, unpacked

SAID = b'{"text": "Up"}' * 50


def raw_deflated(body: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-15)
    return packing.compress(body) + packing.flush()


def packed(body: bytes) -> bytes:
    return gzip.compress(body)


def deflated(body: bytes) -> bytes:
    return zlib.compress(body)


def in_two(body: bytes) -> bytes:
    return gzip.compress(body[:9]) + gzip.compress(body[9:])


def twice(body: bytes) -> bytes:
    return gzip.compress(zlib.compress(body))


def as_it_is(body: bytes) -> bytes:
    return body


def zstd(body: bytes) -> bytes:
    library: Any = import_module("zstandard")
    packed: bytes = library.ZstdCompressor().compress(body)
    return packed


@pytest.mark.parametrize(
    ("packing", "pack"),
    [
        (None, as_it_is),
        ("", as_it_is),
        ("identity", as_it_is),
        ("gzip", packed),
        ("X-GZip", in_two),
        ("deflate", deflated),
        ("deflate", raw_deflated),
        ("zstd", zstd),
        ("deflate, gzip", twice),
    ],
)
def test_a_body_is_unpacked(packing: str | None, pack: Callable[[bytes], bytes]) -> None:
    assert unpacked(pack(SAID), packing) == SAID


def test_of_a_body_that_is_cut_short_what_came_is_had() -> None:
    whole = gzip.compress(bytes(range(256)) * 300)
    assert len(unpacked(whole[: len(whole) // 2], "gzip")) > 0


@pytest.mark.parametrize(
    ("body", "packing", "said"),
    [
        (b"no", "gzip", "content-encoding gzip, and the bytes are not"),
        (b"no", "deflate", "content-encoding deflate, and the bytes are not"),
        (b"no, no, no", "zstd", "content-encoding zstd, and the bytes are not"),
        (b"", "compress", "content-encoding 'compress' is not known here"),
        (gzip.compress(b"") * 1001, "gzip", "in more than 1000 pieces"),
        (gzip.compress(bytes(PLAIN_BYTES_MAX + 1), 1), "gzip", "above 64000000 bytes"),
    ],
    ids=range(6),
)
def test_what_cannot_be_unpacked_is_said(body: bytes, packing: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as raised:
        unpacked(body, packing)
    assert raised.value.kind is ErrorKind.NOT_JSON_BODY


class Unpacking:
    """What a package of brotli or zstd makes: it turns bytes around."""

    def process(self, body: bytes) -> bytes:
        return body[::-1]

    decompress = process


@pytest.mark.parametrize(
    ("packing", "package"),
    [
        ("br", "brotli"),
        ("br", "brotlicffi"),
        ("zstd", "compression.zstd"),
        ("zstd", "backports.zstd"),
    ],
)
def test_each_package_is_used_as_it_is(
    packing: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "Decompressor" if packing == "br" else "ZstdDecompressor"
    module: Any = ModuleType(package)
    setattr(module, kind, Unpacking)
    for other in ("brotli", "brotlicffi"):
        monkeypatch.setitem(sys.modules, other, None)
    parent = ModuleType(package.partition(".")[0])
    monkeypatch.setitem(sys.modules, parent.__name__, parent)
    monkeypatch.setitem(sys.modules, package, module)
    assert unpacked(b"abc", packing) == b"cba"


def test_without_a_package_it_is_said_which_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("brotli", "brotlicffi"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InvalidInput, match="none of brotli, brotlicffi is installed to unpack it"):
        unpacked(b"abc", "br")
