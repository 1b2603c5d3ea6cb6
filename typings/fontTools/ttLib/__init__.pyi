# The part of fontTools.ttLib that the tests use.

from collections.abc import Mapping
from typing import Literal, overload

from _typeshed import SupportsRead

class _Head:
    unitsPerEm: int  # noqa: N815 # theirs

class TTFont:
    def __init__(self, file: SupportsRead[bytes]) -> None: ...
    @overload
    def __getitem__(self, tag: Literal["head"]) -> _Head: ...
    @overload
    def __getitem__(self, tag: Literal["hmtx"]) -> Mapping[str, tuple[int, int]]: ...
    def getBestCmap(self) -> dict[int, str]: ...  # noqa: N802 # theirs
    def getGlyphID(self, glyphName: str) -> int: ...  # noqa: N802, N803 # theirs
