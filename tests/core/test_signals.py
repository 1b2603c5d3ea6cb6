"""A signal exists only if an order could be placed by it."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapetrail.core.analysis.analyses import ConsolidatedAnalysis, EntryType, SignalType, Trend
from tapetrail.core.analysis.signals import Signal, derive_signal
from tapetrail.core.canonical import canonical_json
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.strategy.signal_settings import SellMeaning, SignalSettings

SETTINGS = SignalSettings()
EXIT = SignalSettings(sell_means=SellMeaning.EXIT)
PRICES = st.decimals(Decimal("0.01"), 10_000, places=2)
BUY = ConsolidatedAnalysis(
    trend=Trend.BULLISH,
    confidence=Decimal("0.75"),
    support_levels=(),
    resistance_levels=(),
    key_patterns=(),
    reasoning="It rises.",
    signal_type=SignalType.BUY,
    entry_type=EntryType.MARKET,
    entry_price=Decimal("100.00"),
    stop_loss=Decimal(97),
    target_price=Decimal(105),
    horizon_bars=15,
)


def changed(analysis: ConsolidatedAnalysis, **update: object) -> ConsolidatedAnalysis:
    return analysis.model_copy(update=update)


SHORT = changed(
    BUY,
    trend=Trend.BEARISH,
    signal_type=SignalType.SELL,
    stop_loss=Decimal(103),
    target_price=Decimal(95),
)
LEAVE = changed(SHORT, stop_loss=None, target_price=None)
HOLD = changed(
    LEAVE, trend=Trend.NEUTRAL, signal_type=SignalType.HOLD, entry_type=None, entry_price=None
)


def derive(analysis: ConsolidatedAnalysis, settings: SignalSettings = SETTINGS) -> Signal:
    return derive_signal(analysis, settings, timeframes=["1d", "1w"])


def refusal(analysis: ConsolidatedAnalysis, settings: SignalSettings = SETTINGS) -> str:
    with pytest.raises(InvalidInput) as caught:
        derive(analysis, settings)
    assert caught.value.kind is ErrorKind.INVALID_LEVELS
    return caught.value.message


def test_a_signal_takes_every_price_as_it_was_given() -> None:
    signal = derive(BUY)
    assert (signal.signal_type, signal.entry_type) == (SignalType.BUY, EntryType.MARKET)
    assert [
        str(price) for price in (signal.entry_price, signal.stop_loss, signal.target_price)
    ] == [
        "100.00",
        "97",
        "105",
    ]
    assert (signal.confidence, signal.trend, signal.horizon_bars) == (
        Decimal("0.75"),
        Trend.BULLISH,
        15,
    )
    assert signal.reasoning == "It rises."
    assert signal.valid_until is None


def test_the_ratio_has_six_decimals_half_to_even() -> None:
    assert derive(BUY).risk_reward_ratio == Decimal("1.666667")
    assert derive(SHORT).risk_reward_ratio == Decimal("1.666667")
    tie = changed(BUY, stop_loss=Decimal(98), target_price=Decimal("100.000001"))
    assert refusal(tie).endswith("the reward is no millionth of the risk")
    even = changed(BUY, stop_loss=Decimal(98), target_price=Decimal("100.000003"))
    assert derive(even).risk_reward_ratio == Decimal("0.000002")


def test_the_ratio_is_exact_whatever_precision_the_caller_works_in() -> None:
    close = changed(
        BUY,
        entry_price=Decimal("100000000000000.000000000000000000000000000001"),
        stop_loss=Decimal("100000000000000.0"),
        target_price=Decimal("100000000000000.000000000000000000000000000003"),
    )
    with localcontext(prec=5):
        assert derive(close).risk_reward_ratio == Decimal(2)


@settings(deadline=None)
@given(PRICES, PRICES, PRICES)
def test_a_buy_exists_only_with_stop_below_entry_below_target(
    entry: Decimal, stop: Decimal, target: Decimal
) -> None:
    analysis = changed(BUY, entry_price=entry, stop_loss=stop, target_price=target)
    if stop < entry < target:
        assert derive(analysis).entry_price == entry
    else:
        assert "BUY has stop < entry < target" in refusal(analysis)


@settings(deadline=None)
@given(PRICES, PRICES, PRICES)
def test_a_short_sell_exists_only_with_target_below_entry_below_stop(
    entry: Decimal, stop: Decimal, target: Decimal
) -> None:
    analysis = changed(SHORT, entry_price=entry, stop_loss=stop, target_price=target)
    if target < entry < stop:
        assert derive(analysis).entry_price == entry
    else:
        assert "SELL has target < entry < stop" in refusal(analysis)


def test_a_sell_that_leaves_has_its_reference_price_alone() -> None:
    signal = derive(LEAVE, EXIT)
    assert signal.entry_price == Decimal(100)
    assert (signal.stop_loss, signal.target_price, signal.risk_reward_ratio) == (None, None, None)
    assert "where SELL means exit, it has neither" in refusal(SHORT, EXIT)
    assert "has neither" in refusal(changed(LEAVE, stop_loss=Decimal(103)), EXIT)
    assert "only an entry" in refusal(changed(LEAVE, entry_price=None), EXIT)


def test_a_sell_that_means_a_short_has_both_stop_and_target() -> None:
    assert "where SELL means short, it has both" in refusal(LEAVE)
    assert "it has both" in refusal(changed(SHORT, target_price=None))


def test_a_hold_has_no_prices_and_no_entry() -> None:
    signal = derive(HOLD)
    assert (signal.entry_type, signal.entry_price, signal.risk_reward_ratio) == (None, None, None)
    assert signal.horizon_bars == 15
    for change in ({"entry_price": Decimal(1)}, {"stop_loss": Decimal(1)}):
        assert "HOLD has no prices" in refusal(changed(HOLD, **change))
    assert "HOLD has no prices" in refusal(changed(HOLD, target_price=Decimal(1)))
    assert "HOLD has no entry, BUY and SELL have one" in refusal(
        changed(HOLD, entry_type=EntryType.MARKET)
    )


@pytest.mark.parametrize("name", ["entry_price", "stop_loss", "target_price"])
def test_a_trade_lacks_no_price(name: str) -> None:
    assert "BUY has stop < entry < target" in refusal(changed(BUY, **{name: None}))


def test_a_trade_has_an_entry() -> None:
    assert "BUY and SELL have one" in refusal(changed(BUY, entry_type=None))


@pytest.mark.parametrize("entry_type", [EntryType.LIMIT, EntryType.STOP])
def test_an_entry_that_waits_names_the_session_until_which_it_stands(
    entry_type: EntryType,
) -> None:
    waiting = changed(BUY, entry_type=entry_type)
    signal = derive_signal(
        waiting, SETTINGS, timeframes=["1d"], entries_stand_until=date(2026, 11, 27)
    )
    assert signal.valid_until == date(2026, 11, 27)
    assert "limit and stop entries name the session" in refusal(waiting)


def test_an_entry_at_the_market_stands_for_no_longer_session() -> None:
    signal = derive_signal(BUY, SETTINGS, timeframes=["1d"], entries_stand_until=date(2026, 11, 27))
    assert signal.valid_until is None
    with pytest.raises(InvalidInput, match="valid until 2026-11-27: limit and stop entries name"):
        replace(signal, valid_until=date(2026, 11, 27))


def test_the_message_names_the_numbers_that_break_the_rule() -> None:
    assert refusal(changed(BUY, stop_loss=Decimal("100.5"))) == (
        "BUY with entry market 100.00, stop 100.5, target 105, reward/risk 10.000000, horizon 15,"
        " valid until none: BUY has stop < entry < target"
    )


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"confidence": Decimal("1.1")}, "confidence 1.1 must lie in 0..1"),
        ({"horizon_bars": 0}, "the horizon must lie in 1..260 sessions"),
        ({"horizon_bars": 261}, "the horizon must lie in 1..260 sessions"),
        ({"stop_loss": Decimal(0)}, "prices must lie above 0"),
        ({"risk_reward_ratio": None}, "the ratio exists if the stop does"),
    ],
)
def test_a_signal_refuses_to_exist_when_wrong(change: dict[str, object], rule: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(rule)):
        replace(derive(BUY), **change)


def test_the_first_timeframe_is_primary_and_the_others_confirm() -> None:
    assert derive(BUY).timeframe_confirmation == "1w"
    many = derive_signal(BUY, SETTINGS, timeframes=["1d", "1w", "1mo"])
    assert (many.timeframe_primary, many.timeframe_confirmation) == ("1d", "1w,1mo")
    assert derive_signal(BUY, SETTINGS, timeframes=["1d"]).timeframe_confirmation is None
    with pytest.raises(InvalidInput, match="no timeframe"):
        derive_signal(BUY, SETTINGS, timeframes=[])


def test_a_signal_carries_the_settings_it_was_derived_by() -> None:
    assert canonical_json(derive(BUY).strategy_metadata).decode() == (
        '{"horizon_sessions":20,"min_reward_risk":"1.5","sell_means":"short","stop_atr":"2"}'
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon_sessions": 0}, r"horizon_sessions 0 must lie in 1\.\.260"),
        ({"horizon_sessions": 261}, r"horizon_sessions 261 must lie in 1\.\.260"),
        ({"min_reward_risk": Decimal(0)}, "min_reward_risk 0 must lie above 0, at most 100"),
        ({"stop_atr": Decimal("NaN")}, "stop_atr NaN must lie above 0, at most 100"),
        ({"stop_atr": Decimal(101)}, "stop_atr 101 must lie above 0, at most 100"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        replace(SETTINGS, **change)
