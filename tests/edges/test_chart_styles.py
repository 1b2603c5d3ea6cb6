"""A chart is drawn again in the style it was made in, however charts look today."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from tapetrail.core.analysis.analyses import SignalType
from tapetrail.core.analysis.chart_marks import SignalPrices, derive_marks
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.charts.parsing import parse_spec
from tapetrail.core.charts.text import spec_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.render.look import FIRST_STYLE
from tapetrail.render.page import print_page, render_page

STORED: Final = Path(__file__).parents[1] / "vectors" / "chart_of_style_1.json"
"""A chart as an earlier release stored it: a partial week, a gap, values that settle."""
MARKS: Final = derive_marks(
    SignalType.BUY,
    SignalPrices(entry=Decimal(110), stop=Decimal("104.25"), target=Decimal("121.5")),
)


def test_a_stored_chart_of_the_first_style_is_read_back_as_it_is() -> None:
    text = STORED.read_bytes()
    spec = parse_spec(text)
    assert spec.style == FIRST_STYLE
    assert spec_text(spec) == text


def test_a_stored_chart_of_the_first_style_is_drawn_and_printed_as_it_was() -> None:
    spec = parse_spec(STORED.read_bytes())
    assert digest_bytes(render_page(spec)) == (
        "sha256:20364447a2fc22f222e2fd24070fb208efc580004d2d967ee5f38b1e95af2aed"
    )
    assert digest_bytes(print_page(spec, MARKS)) == (
        "sha256:83a544c9b1348de0253bf66f95ff0822a7158982c6974f9f589049d2acf0434e"
    )


def test_a_style_that_nobody_knows_is_refused() -> None:
    spec = replace(parse_spec(STORED.read_bytes()), style="standard/99")
    with pytest.raises(InvalidInput, match="'standard/99': expected one of standard/1") as error:
        render_page(spec)
    assert error.value.kind is ErrorKind.RENDER_FAILED
