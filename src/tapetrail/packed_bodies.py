"""Bodies as they lie on a wire, without what they are packed in.

gzip and deflate need nothing; br and zstd need a package that the program has, or has not.
"""

import zlib
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final, Protocol, TypeAlias, cast

from tapetrail.core.canonical import storable_text
from tapetrail.core.errors import ErrorKind, InvalidInput

PLAIN_BYTES_MAX: Final = 64_000_000
_PIECES_MAX: Final = 1000
_GZIP: Final = 31
_ZLIB: Final = 15
_RAW: Final = -15
_BROTLI: Final = ("brotli", "brotlicffi")
_ZSTD: Final = ("compression.zstd", "backports.zstd", "zstandard")


_Unpack: TypeAlias = Callable[[bytes], bytes]


class _Brotli(Protocol):
    def process(self, data: bytes, /) -> bytes: ...


class _BrotliModule(Protocol):
    Decompressor: Callable[[], _Brotli]


class _Decompresses(Protocol):
    def decompress(self, data: bytes, /) -> bytes: ...


class _BrotliCffiModule(Protocol):
    Decompressor: Callable[[], _Decompresses]


class _ZstdModule(Protocol):
    ZstdDecompressor: Callable[[], _Decompresses]


class _ZstandardMaker(Protocol):
    def decompressobj(self) -> _Decompresses: ...


class _ZstandardModule(Protocol):
    ZstdDecompressor: Callable[[], _ZstandardMaker]


def _by_zstd(module: object) -> _Unpack:
    return cast("_ZstdModule", module).ZstdDecompressor().decompress


_UNPACKS: Final[Mapping[str, Callable[[object], _Unpack]]] = {
    "brotli": lambda module: cast("_BrotliModule", module).Decompressor().process,
    "brotlicffi": lambda module: cast("_BrotliCffiModule", module).Decompressor().decompress,
    "compression.zstd": _by_zstd,
    "backports.zstd": _by_zstd,
    "zstandard": lambda module: (
        cast("_ZstandardModule", module).ZstdDecompressor().decompressobj().decompress
    ),
}
"""How each package unpacks, as it is."""


def unpacked(body: bytes, content_encoding: str | None) -> bytes:
    """Return a body as it was before it was packed; of one that is cut short, what can be had.

    Raises `InvalidInput` (`not_json_body`) for a packing that nothing here knows, that the bytes
    are not in, or that unpacks to more than 64 MB.
    """
    names = [name.strip().lower() for name in (content_encoding or "").split(",")]
    for name in reversed(names):
        if name not in {"", "identity"}:
            body = _way(name)(body)
    return body


def _way(name: str) -> Callable[[bytes], bytes]:
    match name:
        case "gzip" | "x-gzip":
            return lambda body: _inflated(body, name, _GZIP)
        case "deflate":
            return _deflated
        case "br":
            return lambda body: _by_package(body, name, _BROTLI)
        case "zstd":
            return lambda body: _by_package(body, name, _ZSTD)
        case _:
            raise _unreadable(f"content-encoding {storable_text(name[:40])!r} is not known here")


def _deflated(body: bytes) -> bytes:
    """Return what is packed with or without the header that should be there."""
    try:
        return _inflated(body, "deflate", _ZLIB)
    except InvalidInput:
        return _inflated(body, "deflate", _RAW)


def _inflated(body: bytes, name: str, bits: int) -> bytes:
    plain, left = b"", body
    for _ in range(_PIECES_MAX):
        # What is packed in several pieces, one behind the other, is all of them.
        unpacking = zlib.decompressobj(bits)
        try:
            plain += unpacking.decompress(left, PLAIN_BYTES_MAX + 1 - len(plain))
        except zlib.error as error:
            raise _unreadable(f"content-encoding {name}, and the bytes are not: {error}") from error
        _check_size(plain, name)
        left = unpacking.unused_data
        if not left:
            return plain
    raise _unreadable(f"content-encoding {name}, in more than {_PIECES_MAX} pieces")


def _by_package(body: bytes, name: str, packages: tuple[str, ...]) -> bytes:
    for package in packages:
        try:
            module = import_module(package)
        except ImportError:
            continue
        unpack = _UNPACKS[package](module)
        try:
            plain = unpack(body)
        except Exception as error:
            # Each package raises a class of its own.
            reason = f"content-encoding {name}, and the bytes are not: {error}"
            raise _unreadable(reason) from error
        _check_size(plain, name)
        return plain
    raise _unreadable(
        f"content-encoding {name}, and none of {', '.join(packages)} is installed to unpack it"
    )


def _check_size(plain: bytes, name: str) -> None:
    if len(plain) > PLAIN_BYTES_MAX:
        raise _unreadable(
            f"content-encoding {name}, and it unpacks to above {PLAIN_BYTES_MAX} bytes"
        )


def _unreadable(reason: str) -> InvalidInput:
    return InvalidInput(reason, kind=ErrorKind.NOT_JSON_BODY)
