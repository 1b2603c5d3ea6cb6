"""A model's answer is acted on only where its confidence, prices and reward make sense."""

from decimal import Decimal
from typing import Final

import numpy as np
import pytest
from tests.builders import daily_bars

from tapetrail.core.analysis.analyses import ConsolidatedAnalysis, EntryType, SignalType, Trend
from tapetrail.core.analysis.answer_checks import PriceReference, check_answer, price_reference
from tapetrail.core.analysis.market_view import drawn_number
from tapetrail.core.analysis.signals import derive_signal
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.indicators import atr
from tapetrail.core.strategy.signal_settings import SellMeaning, SignalSettings

SHORT: Final = SignalSettings()
EXIT: Final = SignalSettings(sell_means=SellMeaning.EXIT)
REFERENCE: Final = PriceReference(last_close=Decimal(100), atr=Decimal(2))
BUY: Final = ConsolidatedAnalysis(
    trend=Trend.BULLISH,
    confidence=Decimal("0.6"),
    support_levels=(Decimal("0.01"),),
    resistance_levels=(Decimal(9999),),
    key_patterns=(),
    reasoning="It rises.",
    signal_type=SignalType.BUY,
    entry_type=EntryType.MARKET,
    entry_price=Decimal(100),
    stop_loss=Decimal(96),
    target_price=Decimal(106),
    horizon_bars=20,
)
NO_PRICES: Final = {"entry_price": None, "stop_loss": None, "target_price": None}


def changed(**update: object) -> ConsolidatedAnalysis:
    return BUY.model_copy(update=update)


SELL: Final = changed(signal_type=SignalType.SELL, stop_loss=Decimal(104), target_price=Decimal(94))
HOLD: Final = changed(signal_type=SignalType.HOLD, entry_type=None, confidence=None, **NO_PRICES)
LEAVE: Final = changed(
    signal_type=SignalType.SELL, stop_loss=None, target_price=None, confidence=None
)


def refused(answer: ConsolidatedAnalysis, settings: SignalSettings = SHORT) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        check_answer(answer, settings, REFERENCE)
    return caught.value


@pytest.mark.parametrize(
    ("answer", "settings"), [(BUY, SHORT), (SELL, SHORT), (HOLD, SHORT), (LEAVE, EXIT)]
)
def test_an_answer_that_makes_sense_passes_whatever_its_supports_are(
    answer: ConsolidatedAnalysis, settings: SignalSettings
) -> None:
    check_answer(answer, settings, REFERENCE)


@pytest.mark.parametrize(
    ("answer", "settings", "message"),
    [
        (changed(stop_loss=Decimal(101)), SHORT, "BUY has stop < entry < target"),
        (changed(target_price=Decimal(99)), SHORT, "BUY has stop < entry < target"),
        (changed(entry_type=None), SHORT, "HOLD has no entry, BUY and SELL have one"),
        (SELL, EXIT, "where SELL means exit, it has neither"),
        (LEAVE, SHORT, "where SELL means short, it has both"),
        (changed(signal_type=SignalType.HOLD), SHORT, "HOLD has no prices"),
    ],
)
def test_levels_on_the_wrong_side_are_refused(
    answer: ConsolidatedAnalysis, settings: SignalSettings, message: str
) -> None:
    error = refused(answer, settings)
    assert (error.kind, message in error.message) == (ErrorKind.INVALID_LEVELS, True)


@pytest.mark.parametrize(
    ("answer", "settings", "message"),
    [
        (changed(confidence=None), SHORT, "null for a BUY, expected a number from 0 to 1"),
        (
            HOLD.model_copy(update={"confidence": Decimal("0.5")}),
            SHORT,
            "0.5 for a HOLD, expected null",
        ),
        (
            LEAVE.model_copy(update={"confidence": Decimal(1)}),
            EXIT,
            "1 for a SELL that leaves a position, expected null",
        ),
    ],
)
def test_confidence_is_there_exactly_where_a_target_can_come_before_a_stop(
    answer: ConsolidatedAnalysis, settings: SignalSettings, message: str
) -> None:
    error = refused(answer, settings)
    assert (error.kind, message in error.message) == (ErrorKind.BAD_CONFIDENCE, True)


def test_a_price_out_of_reach_is_refused_and_one_at_the_edge_is_not() -> None:
    check_answer(changed(target_price=Decimal(130)), SHORT, REFERENCE)
    error = refused(changed(target_price=Decimal("130.01")))
    assert error.kind is ErrorKind.LEVELS_TOO_FAR
    assert "target_price: 130.01 is 30.01 from the last close 100, expected at most 30" in (
        error.message
    )
    wide = PriceReference(last_close=Decimal(100), atr=Decimal("3.5"))
    check_answer(changed(target_price=Decimal(135)), SHORT, wide)


def test_the_reach_is_the_larger_of_ten_ranges_and_thirty_percent() -> None:
    assert PriceReference(last_close=Decimal(100), atr=Decimal(4)).reach == 40
    assert PriceReference(last_close=Decimal(-100), atr=None).reach == 30


def test_a_reward_below_the_strategy_s_is_refused() -> None:
    error = refused(changed(target_price=Decimal("105.9")))
    assert error.kind is ErrorKind.REWARD_RISK_TOO_LOW
    assert error.message == "reward/risk: 1.475, expected at least 1.5"


def test_the_reference_is_the_last_close_and_the_range_of_fourteen_complete_bars() -> None:
    bars = daily_bars(100.0 + np.arange(40.0) % 7.0)
    reference = price_reference(bars)
    assert reference.last_close == Decimal(104)
    assert reference.atr == drawn_number(float(atr(bars, 14)[-1]))
    assert price_reference(daily_bars(np.full(14, 100.0))).atr is None


def test_only_what_is_no_trade_is_a_signal_without_a_confidence() -> None:
    assert derive_signal(HOLD, SHORT, timeframes=["1d"]).confidence is None
    with pytest.raises(InvalidInput, match="a trade has a confidence") as caught:
        derive_signal(changed(confidence=None), SHORT, timeframes=["1d"])
    assert caught.value.kind is ErrorKind.INVALID_LEVELS
