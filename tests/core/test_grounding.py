"""What a model states is held against what its chart shows, each statement with its finding."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import daily_bars
from tests.chart_builders import NONE, chart_of

from tapetrail.core.analysis.analyses import ChartAnalysis, Trend
from tapetrail.core.analysis.answer_checks import price_reference
from tapetrail.core.analysis.chart_numbers import chart_numbers, number_key
from tapetrail.core.analysis.grounding import derive_grounding, touches
from tapetrail.core.analysis.questions import ChartEvidence
from tapetrail.core.canonical import canonical_json, decimal_of
from tapetrail.core.market.bars import DAILY, WEEKLY, Bars, Timeframe
from tapetrail.core.market.indicators import IndicatorSettings, derive_indicators

BARS: Final = daily_bars(np.round(100.0 + 10.0 * np.sin(np.arange(300.0) / 9.0), 2))
STANDARD: Final = IndicatorSettings()
DRAWN: Final = 250


def evidence(
    bars: Bars = BARS, *, asked: IndicatorSettings = STANDARD, timeframe: Timeframe = DAILY
) -> ChartEvidence:
    first = max(0, len(bars) - DRAWN)
    return ChartEvidence(
        timeframe=timeframe,
        bars=bars,
        first_drawn=first,
        gaps=(),
        values=derive_indicators(bars, asked, first_drawn=first),
        spec=chart_of(bars, drawn=DRAWN, settings=asked),
        image=b"",
    )


CHART: Final = evidence()


def analysis(
    *,
    supports: Sequence[str] = (),
    resistances: Sequence[str] = (),
    observations: Sequence[str] = (),
) -> ChartAnalysis:
    return ChartAnalysis(
        trend=Trend.NEUTRAL,
        confidence=Decimal("0.5"),
        support_levels=tuple(map(Decimal, supports)),
        resistance_levels=tuple(map(Decimal, resistances)),
        key_patterns=(),
        reasoning="why",
        observations=tuple(observations),
    )


def findings(
    stated: ChartAnalysis, chart: ChartEvidence = CHART, *, tick: str | None = "0.01"
) -> Mapping[str, Any]:
    return derive_grounding(stated, [chart], tick=None if tick is None else Decimal(tick))


def level(price: str, chart: ChartEvidence = CHART, *, tick: str | None = "0.01") -> Any:
    return findings(analysis(supports=[price]), chart, tick=tick)["supports"][0]


def observed(text: str, charts: Sequence[ChartEvidence] = (CHART,)) -> Mapping[str, object]:
    found = derive_grounding(analysis(observations=[text]), charts, tick=None)["observations"]
    return cast("list[Mapping[str, object]]", found)[0]


def test_a_level_says_how_far_it_is_and_from_what() -> None:
    found = findings(analysis(supports=["105.00"]))
    close, atr = found["last_close"], found["atr_14"]
    assert (close, found["timeframe"], found["tick"]) == (Decimal("109.72"), "1d", Decimal("0.01"))
    assert atr == price_reference(BARS).atr
    (support,) = found["supports"]
    assert support["distance_pct"] == Decimal("-4.3019")
    assert support["distance_atr"] == Decimal("-1.7729")
    assert support["on_its_side"] is True


def test_a_level_on_the_wrong_side_of_the_close_is_a_finding() -> None:
    found = findings(analysis(supports=["110"], resistances=["105", "111"]))
    assert [each["on_its_side"] for each in found["supports"]] == [False]
    assert [each["on_its_side"] for each in found["resistances"]] == [False, True]
    assert level("109.72")["on_its_side"] is False


def test_touches_count_the_lows_of_supports_and_the_highs_of_resistances() -> None:
    lows, highs = BARS.low[-DRAWN:], BARS.high[-DRAWN:]
    found = findings(analysis(supports=["95.5"], resistances=["108.25"]))
    near = float(found["atr_14"]) / 2
    below = [low for low in lows.tolist() if abs(low - 95.5) <= near]
    above = [high for high in highs.tolist() if abs(high - 108.25) <= near]
    assert len(below) != len([high for high in highs.tolist() if abs(high - 95.5) <= near])
    assert found["supports"][0]["touches"] == len(below) > 0
    assert found["resistances"][0]["touches"] == len(above) > 0


def test_a_price_beyond_the_axis_is_not_visible() -> None:
    low, high = findings(analysis())["visible"]
    axis = CHART.spec.panels[0].axis
    assert (float(low), float(high)) == pytest.approx((axis.low, axis.high))
    assert [level(str(at))["is_visible"] for at in (low, high)] == [True, True]
    assert level(str(low - 1))["is_visible"] is False
    assert level(str(high + 1))["is_visible"] is False


def test_a_price_between_ticks_is_a_finding_and_without_a_tick_nobody_knows() -> None:
    assert [level(text, tick="0.05")["on_tick"] for text in ("98.35", "98.36")] == [True, False]
    assert level("98.36", tick=None)["on_tick"] is None


def test_without_a_range_nothing_is_said_in_ranges() -> None:
    short = level("98", evidence(daily_bars([100.0, 101.0, 102.0])))
    assert (short["distance_atr"], short["touches"]) == (None, None)
    assert short["distance_pct"] == Decimal("-3.9216")


def test_around_a_close_of_zero_nothing_is_said_in_percent() -> None:
    zero = replace(
        BARS,
        **{name: getattr(BARS, name) - BARS.close[-1] for name in ("open", "high", "low", "close")},
    )
    assert level("1", evidence(zero))["distance_pct"] is None


@pytest.mark.parametrize(
    ("text", "stated", "agrees"),
    [
        ("last close = 109.72", "109.72", True),
        ("Last close=109.7 USD", "109.7", True),
        ("last close = 110.", "110", True),
        ("last close = 109.7200", "109.7200", True),
        ("last close = 109.71", "109.71", False),
        ("RSI = 86.05", "86.05", True),
        ("RSI(14) = 86.1", "86.1", True),
        ("RSI = 68.05", "68.05", False),
        ("MACD signal = 3.29", "3.29", True),
        ("Bollinger upper = 114.09", "114.09", True),
        ("change percent = -0.18%", "-0.18", True),
        ("1d RSI = 86", "86", True),
        ("ADX = 30", "30", None),
        ("volume = 1.05M", None, None),
        ("last close = 1,109.72", None, None),
        ("last close = 109.72 = high", None, None),
        ("the last bar closed below its open", None, None),
    ],
)
def test_a_stated_number_is_compared_as_precisely_as_it_is_stated(
    text: str,
    stated: str | None,
    agrees: bool | None,  # noqa: FBT001 # what is expected, not a switch
) -> None:
    found = observed(text)
    assert found["text"] == text
    assert found["stated"] == (None if stated is None else Decimal(stated))
    assert found["agrees"] is agrees
    assert (found["actual"] is None) is (agrees is None)


def test_a_number_of_another_chart_is_named_with_its_timeframe() -> None:
    weekly = evidence(daily_bars(np.linspace(50.0, 60.0, 300)), timeframe=WEEKLY)
    charts = [CHART, weekly]
    assert observed("1w last close = 60", charts)["agrees"] is True
    assert observed("last close = 60", charts)["agrees"] is False
    assert observed("1mo last close = 60", charts)["agrees"] is None


def test_a_half_agrees_with_either_neighbour() -> None:
    bars = daily_bars([100.0, 100.25])
    chart = evidence(bars, asked=NONE)
    found = [observed(f"last close = {text}", [chart])["agrees"] for text in ("100.2", "100.3")]
    assert found == [True, True]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.decimals("0.01", 500, places=2), max_size=10), st.lists(st.text(), max_size=5))
def test_every_statement_has_its_finding(levels: list[Decimal], texts: list[str]) -> None:
    stated = analysis(supports=[*map(str, levels)], observations=[text for text in texts if text])
    stated = stated.model_copy(update={"resistance_levels": stated.support_levels})
    found = findings(stated)
    for side in ("supports", "resistances"):
        assert [each["price"] for each in found[side]] == levels
    assert [each["text"] for each in found["observations"]] == list(stated.observations)


def test_findings_are_plain_json() -> None:
    stated = analysis(supports=["98.1"], observations=["RSI = 1", "x"])
    assert canonical_json(findings(stated)).startswith(b'{"atr_14":"')


def test_the_numbers_of_a_chart_are_those_it_draws() -> None:
    numbers = chart_numbers(CHART.spec)
    assert list(numbers)[:5] == [
        "last open",
        "last high",
        "last low",
        "last close",
        "change percent",
    ]
    assert numbers["last close"] == decimal_of(float(BARS.close[-1]))
    assert "RSI" not in chart_numbers(evidence(asked=NONE).spec)
    assert len({number_key(name) for name in numbers}) == len(numbers)


def test_an_unfinished_bar_has_prices_and_volume_and_feeds_no_indicator() -> None:
    complete = BARS.complete.copy()
    complete[-1] = False
    numbers = chart_numbers(evidence(replace(BARS, complete=complete)).spec)
    before = chart_numbers(evidence(BARS.take(slice(None, -1))).spec)
    assert numbers["last close"] == Decimal("109.72") != before["last close"]
    assert numbers["RSI"] == before["RSI"]
    assert numbers["volume"] == decimal_of(float(BARS.volume[-1])) != before["volume"]


def test_a_single_bar_has_no_change() -> None:
    assert "change percent" not in chart_numbers(evidence(daily_bars([100.0]), asked=NONE).spec)


def test_what_has_no_value_at_the_last_bar_has_no_number() -> None:
    volume = BARS.volume.copy()
    volume[-1] = np.nan
    numbers = chart_numbers(evidence(replace(BARS, volume=volume)).spec)
    assert "volume" not in numbers
    assert "RSI" in numbers


def test_a_turn_exactly_half_an_atr_away_touches_and_one_a_little_further_does_not() -> None:
    turns, within = np.array([99.95, 100.05, 100.3, 250.0]), Decimal("0.15")
    assert touches(Decimal("100.15"), turns, within=within) == 2
    assert touches(Decimal("100.1499999999999"), turns, within=within) == 1
    assert touches(Decimal("1e400"), turns, within=within) == 0
