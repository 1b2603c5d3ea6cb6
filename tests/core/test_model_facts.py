"""What is known of models: how large an image they see, and until when they were trained."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.analysis.cutoffs import (
    Contamination,
    Cutoff,
    contamination,
    contamination_text,
    cutoff,
)
from tapetrail.core.analysis.image_limits import drawing_size, image_limit
from tapetrail.core.analysis.model_names import is_model
from tapetrail.core.errors import ErrorKind, InvalidInput


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("claude-sonnet-4-5-20250929", (1268, 951)),
        ("claude-haiku-4-5", (1268, 951)),
        ("claude-of-tomorrow", (1268, 951)),
        ("claude-opus-4-7", (1600, 1200)),
        ("gpt-4o-2024-08-06", (1024, 768)),
        ("gpt-4.1-mini", (1440, 1080)),
        ("gpt-5.4", (1600, 1200)),
        ("gpt-9", (1600, 1200)),
        ("llava", (1600, 1200)),
    ],
)
def test_a_chart_is_drawn_as_large_as_a_model_sees_it(model: str, size: tuple[int, int]) -> None:
    assert drawing_size(model, 1600, 1200) == size


@given(
    st.sampled_from(["claude-haiku-4-5", "claude-opus-4-7", "gpt-4o", "o4-mini", "llava"]),
    st.integers(100, 1000),
)
def test_a_size_keeps_its_shape_fits_and_the_next_one_does_not(model: str, step: int) -> None:
    width, height = drawing_size(model, 4 * step, 3 * step)
    limit = image_limit(model)
    assert width * 3 == height * 4
    assert limit is None or limit.holds(width, height)
    larger = (width + 4, height + 3)
    assert width == 4 * step or (limit is not None and not limit.holds(*larger))


def test_a_shape_that_fits_in_no_size_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no size of that shape fits") as caught:
        drawing_size("gpt-4o", 1601, 1199)
    assert caught.value.kind is ErrorKind.RENDER_FAILED


def test_each_limit_names_its_source_and_the_word_to_ask_with() -> None:
    limits = [image_limit(model) for model in ("claude-opus-4-7", "gpt-4o", "gpt-5.4", "llava")]
    assert [limit and limit.detail for limit in limits] == [None, "high", "original", None]
    assert all(limit is None or limit.source.startswith("https://") for limit in limits)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("gpt-5.4", "gpt-5.4", True),
        ("gpt-5.4-2026-03-05", "gpt-5.4", True),
        ("claude-opus-4-1-20250805", "claude-opus-4-1", True),
        ("claude-opus-4-1@20250805", "claude-opus-4-1", True),
        ("claude-opus-4-1", "claude-opus-4", False),
        ("gpt-5.4-mini", "gpt-5.4", False),
        ("my-gpt-5.4", "gpt-5.4", False),
    ],
)
def test_a_snapshot_is_its_model_and_another_version_is_not(
    text: str,
    name: str,
    expected: bool,  # noqa: FBT001 # what is expected, not a switch
) -> None:
    assert is_model(text, name) is expected


@pytest.mark.parametrize(
    ("model", "on", "expected"),
    [
        ("claude-sonnet-4-5-20250929", date(2024, 12, 31), Contamination.BEFORE),
        ("claude-sonnet-4-5-20250929", date(2025, 1, 1), Contamination.IN),
        ("claude-sonnet-4-5-20250929", date(2025, 7, 31), Contamination.IN),
        ("claude-sonnet-4-5-20250929", date(2025, 8, 1), Contamination.AFTER),
        ("claude-opus-4", date(2025, 2, 28), Contamination.BEFORE),
        ("claude-opus-4", date(2025, 3, 31), Contamination.IN),
        ("claude-opus-5", date(2026, 4, 30), Contamination.BEFORE),
        ("claude-opus-5", date(2026, 11, 20), Contamination.UNKNOWN),
        ("llava", date(2012, 11, 30), Contamination.UNKNOWN),
    ],
)
def test_only_what_lies_after_all_training_data_is_after(
    model: str, on: date, expected: Contamination
) -> None:
    as_of = datetime(on.year, on.month, on.day, 21, tzinfo=UTC)
    assert contamination(model, as_of) is expected


def test_a_cutoff_has_a_source() -> None:
    found = cutoff("gpt-5.4")
    assert found is not None
    assert found.source.startswith("https://")


@pytest.mark.parametrize(
    ("known", "trained"),
    [(None, None), (date(2025, 7, 1), date(2025, 1, 1)), (date(2025, 7, 2), None)],
)
def test_a_cutoff_is_one_or_two_months_in_order(known: date | None, trained: date | None) -> None:
    with pytest.raises(InvalidInput, match="expected first days of months, in this order"):
        Cutoff(known=known, trained=trained, source="")


@pytest.mark.parametrize(
    ("model", "month", "said"),
    [
        ("claude-haiku-4-5", 1, "as_of is before the training cut-off of claude-haiku-4-5: it may"),
        ("claude-haiku-4-5", 7, "as_of is in the last months of the training of claude-haiku-4-5:"),
        ("claude-haiku-4-5", 8, "as_of is after the training of claude-haiku-4-5 (known to"),
        (
            "gpt-5.4",
            9,
            "as_of is after what gpt-5.4 knows for sure, the end of its training is not",
        ),
        ("llava", 8, "training cut-off of llava not known: it may remember this time"),
    ],
)
def test_where_an_as_of_lies_is_said_with_who_says_so(model: str, month: int, said: str) -> None:
    text = contamination_text(model, datetime(2025, month, 15, tzinfo=UTC))
    assert text.startswith(said)
    assert ("https://" in text) is (cutoff(model) is not None)


def test_each_month_that_a_source_names_is_said() -> None:
    as_of = datetime(2025, 1, 15, tzinfo=UTC)
    assert "(known to 2025-02, trained to 2025-07; " in contamination_text(
        "claude-haiku-4-5", as_of
    )
    assert "(trained to 2025-03; " in contamination_text("claude-opus-4", as_of)
