"""The stored spec document read back: the same chart, or a stated refusal."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import daily_bars, wave
from tests.chart_builders import SHORT, chart_of
from tests.html_charts import HOSTILE, every_chart

from tapetrail.core.charts.legend import derive_legend
from tapetrail.core.charts.parsing import parse_spec
from tapetrail.core.charts.spec import ChartSpec
from tapetrail.core.charts.text import spec_text
from tapetrail.core.errors import InvalidInput


@every_chart
def test_a_document_is_the_document_of_the_chart_it_is_read_as(spec: ChartSpec) -> None:
    text = spec_text(spec)
    found = parse_spec(text)
    assert spec_text(found) == text
    assert found.headline == spec.headline
    assert [panel.axis for panel in found.panels] == [panel.axis for panel in spec.panels]
    assert [panel.legends for panel in found.panels] == [panel.legends for panel in spec.panels]


@every_chart
def test_a_chart_read_back_says_the_same_at_every_bar(spec: ChartSpec) -> None:
    found, expected = derive_legend(parse_spec(spec_text(spec))), derive_legend(spec)
    assert found.closes == expected.closes
    assert found.changes == expected.changes
    assert [[each.texts for each in panel] for panel in found.panels] == [
        [each.texts for each in panel] for panel in expected.panels
    ]


@settings(deadline=None)
@given(
    st.lists(st.floats(min_value=1e-9, max_value=1e12), min_size=1, max_size=30),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_any_chart_reads_back(closes: list[float], symbol: str) -> None:
    spec = chart_of(daily_bars(closes), settings=SHORT, symbol=symbol)
    text = spec_text(spec)
    assert spec_text(parse_spec(text)) == text


SMALL: str = spec_text(chart_of(daily_bars(wave(8)), settings=SHORT, symbol=HOSTILE)).decode()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"format":1', '"format":2', "format 2: expected 1"),
        ('"format":1', '"format":1,"more":1', "more: Extra inputs"),
        ('"style":"standard/2",\n', "", "style: Field required"),
        ('"kind": ', '"kind":', "canonical"),
        ('"format":1', '"format": 1', "canonical"),
        ('"complete":[1,', '"complete":[2,', "canonical"),
        ('"complete":[1,', '"complete":[', r"values for 8 days"),
        ('"kind":"volume"', '"kind":"volumes"', "panels.1.kind"),
        ("{", "[", "the document: Invalid JSON"),
    ],
)
def test_any_other_document_is_refused(before: str, after: str, said: str) -> None:
    text = SMALL.replace(before, after, 1)
    if text == SMALL:
        text = SMALL + " "
    with pytest.raises(InvalidInput, match=said):
        parse_spec(text.encode())


def test_a_number_with_more_digits_than_are_drawn_is_refused() -> None:
    document = json.loads(SMALL)
    assert document["close"][0] == 100.0
    text = SMALL.replace('"close":[100,', '"close":[100.00000000001,')
    assert text != SMALL
    with pytest.raises(InvalidInput, match="ten significant digits"):
        parse_spec(text.encode())
