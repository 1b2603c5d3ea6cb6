"""How large an image a model sees as it is: beyond that its provider shrinks it, often silently.

A table of what providers say, read on `READ_ON`. A model that is not in it has no known limit: its
image is drawn in full, and only its provider knows what becomes of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from math import gcd
from typing import Final

from tapetrail.core.analysis.model_names import is_model
from tapetrail.core.errors import ErrorKind, InvalidInput

READ_ON: Final = date(2026, 11, 27)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimit:
    """What fits: the longer and the shorter side in pixels, and squares of `patch` pixels.

    `patches_max` counts the squares that cover the image; None is no limit of that kind. `detail`
    is the word by which the provider is asked to look that closely. `source` says who says so.
    """

    long_side_max: int | None = None
    short_side_max: int | None = None
    patch: int = 1
    patches_max: int | None = None
    detail: str | None = None
    source: str

    def holds(self, width: int, height: int) -> bool:
        """Return whether an image of this size is seen as it is."""
        patches = -(-width // self.patch) * -(-height // self.patch)
        return (
            (self.long_side_max is None or max(width, height) <= self.long_side_max)
            and (self.short_side_max is None or min(width, height) <= self.short_side_max)
            and (self.patches_max is None or patches <= self.patches_max)
        )


_CLAUDE_SOURCE: Final = "https://platform.claude.com/docs/en/build-with-claude/vision"
_OPENAI_SOURCE: Final = "https://developers.openai.com/api/docs/guides/images-vision"
_CLAUDE: Final = ImageLimit(long_side_max=1568, patch=28, patches_max=1568, source=_CLAUDE_SOURCE)
_CLAUDE_SHARP: Final = ImageLimit(
    long_side_max=2576, patch=28, patches_max=4784, source=_CLAUDE_SOURCE
)
_TILES: Final = ImageLimit(
    long_side_max=2048, short_side_max=768, detail="high", source=_OPENAI_SOURCE
)
_PATCHES: Final = ImageLimit(patch=32, patches_max=1536, detail="high", source=_OPENAI_SOURCE)
_ORIGINAL: Final = ImageLimit(
    patch=32, patches_max=10_000, detail="original", source=_OPENAI_SOURCE
)
_LIMITS: Final = {
    "claude-opus-4-7": _CLAUDE_SHARP,
    "claude-opus-4-8": _CLAUDE_SHARP,
    "claude-opus-5": _CLAUDE_SHARP,
    "gpt-4o": _TILES,
    "gpt-4.1": _TILES,
    "gpt-4.1-mini": _PATCHES,
    "gpt-4.1-nano": _PATCHES,
    "o4-mini": _PATCHES,
    "gpt-5-mini": _PATCHES,
    "gpt-5.4-mini": _PATCHES,
    "gpt-5.4": _ORIGINAL,
}
_CLAUDE_NAMES: Final = "claude-"


def image_limit(model: str) -> ImageLimit | None:
    """Return what a model sees as it is, None where nobody says so.

    A Claude that is not in the table gets the smaller size of that family, which each of them sees.
    """
    known = next((limit for name, limit in _LIMITS.items() if is_model(model, name)), None)
    return known or (_CLAUDE if model.startswith(_CLAUDE_NAMES) else None)


def drawing_size(model: str, width: int, height: int) -> tuple[int, int]:
    """Return the largest size of exactly this shape that a model sees as it is, in pixels.

    Raises `InvalidInput` (`render_failed`) where no size of that shape fits.
    """
    limit = image_limit(model)
    for size in _sizes(width, height):
        if limit is None or limit.holds(*size):
            return size
    raise InvalidInput(
        f"image of {width} x {height} for {model}: no size of that shape fits; expected sides in"
        " a ratio of small whole numbers, such as 4 to 3",
        kind=ErrorKind.RENDER_FAILED,
    )


def _sizes(width: int, height: int) -> Iterator[tuple[int, int]]:
    steps = gcd(width, height)
    for step in range(steps, 0, -1):
        yield width // steps * step, height // steps * step
