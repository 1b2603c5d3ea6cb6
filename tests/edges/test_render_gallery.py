"""The gallery: every case drawn, and no label or tag anywhere hides another or leaves the page."""

import re
from decimal import Decimal
from itertools import combinations, pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import simplejpeg
from gallery.cases import CASES, Case
from gallery.histories import LAST, made, noise
from gallery.index import index_page
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import daily_bars
from tests.chart_builders import chart_of
from tests.page_words import tags_of, words_of

from tapetrail.core.analysis.analyses import SignalType
from tapetrail.core.analysis.chart_marks import SignalPrices, derive_marks
from tapetrail.core.charts.parsing import parse_spec
from tapetrail.core.charts.text import spec_text
from tapetrail.core.errors import InvalidInput
from tapetrail.render.html import render_html
from tapetrail.render.jpeg import render_jpeg, render_thumbnail
from tapetrail.render.look import HEIGHT, WIDTH
from tapetrail.render.page import print_page, render_page, spread

CHECKED_IN: Final = Path(__file__).parents[2] / "docs" / "gallery"
MEGABYTES_MAX: Final = 3
every_case: Final = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


SPEC: Final = CASES[1].spec()


def page_of(case: Case) -> bytes:
    spec = case.spec()
    return render_page(spec) if case.marks is None else print_page(spec, case.marks)


def check(page: bytes) -> None:
    """Fail unless all texts and tags are on the page and apart, each tag with its own text."""
    words, tags = words_of(page), tags_of(page)
    assert [(a.text, b.text) for a, b in combinations(words, 2) if a.meets(b)] == []
    assert [(a.text, b.text) for a, b in combinations(tags, 2) if a.meets(b)] == []
    for box in (*words, *tags):
        assert box.left >= 0, box
        assert box.right <= WIDTH, box
        assert box.top >= 0, box
        assert box.bottom <= HEIGHT, box
    for tag in tags:
        assert [each.text for each in words if each.meets(tag)] == [tag.text]


# Every case


@every_case
def test_labels_and_tags_of_a_case_are_apart_and_on_the_page(case: Case) -> None:
    page = page_of(case)
    check(page)
    spec = case.spec()
    levels = 0 if case.marks is None else len(case.marks.levels)
    assert len(tags_of(page)) == sum(panel.tag is not None for panel in spec.panels) + levels


@every_case
def test_legends_and_last_values_of_a_case_are_on_the_page_in_full(case: Case) -> None:
    spec, drawn = case.spec(), [each.text for each in words_of(page_of(case))]
    for panel in spec.panels:
        for row in panel.legends:
            assert {legend.text for legend in row} <= set(drawn)
        if panel.tag is not None:
            assert any(text.endswith(panel.tag.label) for text in drawn)
    assert len(spec.date_ticks) == len({(tick.at, tick.label) for tick in spec.date_ticks})
    assert {tick.label for tick in spec.date_ticks} <= set(drawn)


@every_case
def test_a_case_read_back_from_its_document_is_drawn_the_same(case: Case) -> None:
    spec = case.spec()
    found = parse_spec(spec_text(spec))
    assert render_page(found) == render_page(spec)
    assert render_html(found) == render_html(spec)


@every_case
def test_the_image_a_model_is_shown_holds_nothing_of_a_signal(case: Case) -> None:
    drawn = " ".join(each.text for each in words_of(render_page(case.spec())))
    assert not re.search(r"BUY|SELL|HOLD|Stop|Target|Entry|Marked", drawn)


# Any case


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    last=st.sampled_from([0.0123, 0.87, 9.99, 430.47, 2750.5, 108_452.3, 4.2e7]),
    count=st.integers(1, 400),
    swing=st.sampled_from([0.0, 0.002, 0.02, 0.08]),
)
def test_labels_and_tags_are_apart_for_any_prices_and_lengths(
    *, seed: int, last: float, count: int, swing: float
) -> None:
    closes = last * np.multiply.accumulate(1.0 + swing * noise(count, seed=seed) / 3)
    check(render_page(chart_of(daily_bars(np.maximum(np.round(closes, 4), 0.0001)))))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.decimals("0.0001", 100_000, places=4), min_size=3, max_size=3))
def test_tags_of_any_levels_are_apart_and_on_the_page(prices: list[Decimal]) -> None:
    entry, stop, target = prices
    marks = derive_marks(SignalType.BUY, SignalPrices(entry=entry, stop=stop, target=target))
    check(print_page(SPEC, marks))


@given(
    st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=8),
    st.floats(1, 50),
)
def test_boxes_are_spread_apart_in_order_and_inside(wanted: list[float], size: float) -> None:
    low, high = -100.0, 1000.0
    places = spread(wanted, size=size, low=low, high=high)
    assert all(low - 1e-6 <= at <= high - size + 1e-6 for at in places)
    ordered = [at for _, at in sorted(zip(wanted, places, strict=True))]
    assert all(b - a >= size - 1e-6 for a, b in pairwise(ordered))


def test_boxes_with_room_stay_and_close_ones_give_way_alike() -> None:
    assert spread([10.0, 50.0], size=20, low=0, high=100) == [10.0, 50.0]
    assert spread([50.0, 40.0], size=20, low=0, high=100) == [55.0, 35.0]
    assert spread([95.0, 99.0], size=20, low=0, high=100) == [60.0, 80.0]
    assert spread([], size=20, low=0, high=100) == []


# The print


def test_a_print_says_the_side_the_facts_and_that_they_were_added() -> None:
    case = next(each for each in CASES if each.name == "signal-sell")
    assert case.marks is not None
    page = print_page(case.spec(), case.marks)
    drawn = [each.text for each in words_of(page)]
    assert "▼ SELL" in drawn
    assert case.marks.facts in drawn
    assert {"Last 430.47", "Entry 430.47", "Stop 454.174352", "Target 380.25"} <= set(drawn)
    assert "the analyst was shown the chart without these marks" in " ".join(drawn)
    assert simplejpeg.decode_jpeg_header(render_jpeg(page))[:2] == (1200, 1600)


def test_facts_too_long_for_the_line_are_cut() -> None:
    marks = derive_marks(SignalType.HOLD, SignalPrices(), facts=("0" * 400,))
    page = print_page(CASES[0].spec(), marks)
    check(page)
    assert any(re.fullmatch(r"0+\.\.", each.text) for each in words_of(page))


# Small images and the page of the gallery


def test_a_thumbnail_is_the_page_at_half_its_size() -> None:
    image = render_thumbnail(page_of(CASES[0]))
    assert simplejpeg.decode_jpeg_header(image)[:2] == (600, 800)
    with pytest.raises(InvalidInput, match="PDFium"):
        render_thumbnail(b"no page")


def test_the_checked_in_gallery_lists_every_case_in_order() -> None:
    assert (CHECKED_IN / "index.md").read_text(encoding="utf-8") == index_page()
    assert {path.stem for path in CHECKED_IN.glob("*.jpg")} == {case.name for case in CASES}


def test_the_checked_in_images_are_small_ones() -> None:
    paths = list(CHECKED_IN.glob("*.jpg"))
    sizes = {simplejpeg.decode_jpeg_header(path.read_bytes())[:2] for path in paths}
    assert sizes == {(600, 800)}
    assert sum(path.stat().st_size for path in paths) < MEGABYTES_MAX * 1e6


def test_made_up_histories_never_change() -> None:
    bars = made(5, last=100.0, decimals=2)
    assert bars.last_on[-1] == np.datetime64(LAST)
    assert bars.close.tolist() == EXPECTED_CLOSES
    assert abs(float(noise(2_000, seed=4).mean())) < 0.1
    assert float(noise(2_000, seed=4).std()) == pytest.approx(1, abs=0.1)


EXPECTED_CLOSES: Final = [105.45, 105.66, 104.99, 100.83, 100.0]
