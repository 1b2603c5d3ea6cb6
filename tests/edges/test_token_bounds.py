"""No request has more tokens than its bound, as far as providers say how they count."""

import pytest

from tapetrail.analysts.models.token_bounds import FRAME_TOKENS, ImageSize, input_tokens_max
from tapetrail.core.errors import InvalidInput

CHART = ImageSize(width=1600, height=1200)


@pytest.mark.parametrize(
    ("family", "model", "tokens"),
    [
        # 50 x 38 squares of 32 pixels, times 2.46
        ("openai", "gpt-5.2", 4_674),
        # 4 x 3 tiles of 512 pixels
        ("openai-chat", "gpt-4o-mini", 2_833 + 12 * 5_667),
        # 58 x 43 squares of 28 pixels
        ("anthropic", "claude-opus-5-5", 2_494),
        # the highest resolution there is; 3 x 2 tiles of 258 are less
        ("google", "gemini-3.8-flash", 2_240),
        ("compatible", "llava", 4_674),
    ],
)
def test_an_image_is_bounded_by_its_provider_or_by_the_dearest(
    family: str, model: str, tokens: int
) -> None:
    found = input_tokens_max(family, model, text_bytes=4_000, images=[CHART, CHART])
    assert found == 4_000 + FRAME_TOKENS + 2 * tokens


def test_a_large_image_is_counted_in_tiles_where_they_are_more() -> None:
    large = ImageSize(width=4_000, height=3_000)
    # 6 x 4 tiles of 768 pixels
    assert input_tokens_max("google", "gemini-2.5-pro", text_bytes=0, images=[large]) == (
        FRAME_TOKENS + 24 * 258
    )


def test_text_is_a_token_a_byte() -> None:
    assert input_tokens_max("openai", "gpt-5.2", text_bytes=123) == 123 + FRAME_TOKENS


def test_what_has_no_size_is_refused() -> None:
    with pytest.raises(InvalidInput, match="text of -1 bytes"):
        input_tokens_max("openai", "gpt-5.2", text_bytes=-1)
    with pytest.raises(InvalidInput, match="image of 0 x 5"):
        ImageSize(width=0, height=5)
