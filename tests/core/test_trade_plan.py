"""A plan has room for its reward, or names what stands in the way."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapetrail.core.analysis.analyses import ChartAnalysis, SignalType, Trend
from tapetrail.core.analysis.trade_plan import NoTrade, TimeframeVerdict, TradePlan, derive_plan
from tapetrail.core.canonical import decimal_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import DAILY
from tapetrail.core.strategy.signal_settings import SignalSettings

SETTINGS = SignalSettings()
CENT = Decimal("0.01")
SIDES = st.sampled_from([SignalType.BUY, SignalType.SELL])


def reading(
    close: str | Decimal = "100",
    *,
    atr: str | Decimal | None = "1",
    below: Sequence[str | Decimal] = (),
    above: Sequence[str | Decimal] = (),
) -> TimeframeVerdict:
    return TimeframeVerdict(
        timeframe=DAILY,
        analysis=ChartAnalysis(
            trend=Trend.NEUTRAL,
            confidence=Decimal(1),
            support_levels=tuple(map(Decimal, below)),
            resistance_levels=tuple(map(Decimal, above)),
            key_patterns=(),
            reasoning="why",
        ),
        last_close=Decimal(close),
        atr=None if atr is None else Decimal(atr),
        resolution=Decimal("1e-9"),
    )


def plan(
    side: SignalType, chart: TimeframeVerdict, *, tick: Decimal | None = CENT
) -> tuple[str, str, str]:
    found = derive_plan(side, chart, SETTINGS, tick=tick)
    assert isinstance(found, TradePlan)
    entry, stop, target = map(decimal_text, found.prices)
    return entry, stop, target


def obstacle(side: SignalType, chart: TimeframeVerdict, *, tick: Decimal | None = CENT) -> NoTrade:
    found = derive_plan(side, chart, SETTINGS, tick=tick)
    assert isinstance(found, NoTrade)
    return found


def test_the_stop_is_two_ranges_away_and_the_target_the_least_reward() -> None:
    assert plan(SignalType.BUY, reading()) == ("100", "98", "103")
    assert plan(SignalType.SELL, reading()) == ("100", "102", "97")


def test_stop_and_projected_target_are_rounded_away_from_the_entry() -> None:
    assert plan(SignalType.BUY, reading(atr="1.0001")) == ("100", "97.99", "103.02")
    assert plan(SignalType.SELL, reading(atr="1.0001")) == ("100", "102.01", "96.98")


def test_a_target_at_a_level_is_rounded_towards_the_entry() -> None:
    assert plan(SignalType.BUY, reading(above=["104.019"]))[2] == "104.01"
    assert plan(SignalType.SELL, reading(below=["95.981"]))[2] == "95.99"


def test_a_level_more_than_twice_as_far_as_the_least_reward_is_no_target() -> None:
    assert plan(SignalType.BUY, reading(above=["106"]))[2] == "106"
    assert plan(SignalType.BUY, reading(above=["106.01"]))[2] == "103"
    assert plan(SignalType.SELL, reading(below=["93.99"]))[2] == "97"


def test_a_level_within_one_range_is_being_tested_and_does_not_count() -> None:
    assert plan(SignalType.BUY, reading(above=["101"]))[2] == "103"
    assert plan(SignalType.BUY, reading(above=["104", "101"]))[2] == "104"
    assert plan(SignalType.SELL, reading(below=["99"]))[2] == "97"


def test_levels_behind_the_trade_do_not_count() -> None:
    assert plan(SignalType.BUY, reading(below=["97"], above=["99"]))[2] == "103"
    assert plan(SignalType.SELL, reading(above=["103"], below=["101"]))[2] == "97"


def test_a_level_that_leaves_less_than_the_least_reward_stands_in_the_way() -> None:
    found = obstacle(SignalType.BUY, reading(above=["105", "101.50"]))
    assert found.reason == (
        "the level 101.5 stands in the way: it leaves a reward of 1.5, and 3 is the least"
    )
    assert found.shortfall == Decimal("0.5")
    assert found.numbers == {
        "close": 100,
        "atr": 1,
        "stop": 98,
        "risk": 2,
        "least_reward": 3,
        "level": Decimal("101.5"),
        "reward_at_level": Decimal("1.5"),
    }
    assert obstacle(SignalType.SELL, reading(below=["97.01"])).numbers["level"] == Decimal("97.01")


def test_rounding_towards_the_entry_may_take_the_last_of_the_reward() -> None:
    assert plan(SignalType.BUY, reading(above=["103"]), tick=Decimal(1))[2] == "103"
    assert obstacle(SignalType.BUY, reading(above=["102.99"]), tick=Decimal(1)).shortfall > 0
    coarse = obstacle(SignalType.BUY, reading("105", above=["107"]), tick=Decimal(10))
    assert coarse.shortfall == 1


def test_a_stop_that_is_no_price_or_no_distance_is_an_obstacle() -> None:
    assert "would be at -1" in obstacle(SignalType.BUY, reading("1")).reason
    assert obstacle(SignalType.BUY, reading("0")).shortfall == 1
    assert obstacle(SignalType.SELL, reading(atr="0")).shortfall == 1


def test_a_stop_nearer_than_one_tick_is_none() -> None:
    assert obstacle(SignalType.SELL, reading(atr="0")).shortfall == 1
    found = obstacle(SignalType.BUY, reading("12.53", atr="0.004"))
    assert found.reason == "a stop 2 ATR of 0.004 from 12.53 is nearer than one tick, 0.01"
    assert plan(SignalType.BUY, reading("12.53", atr="0.005"))[1] == "12.52"


def test_without_a_tick_a_stop_nearer_than_the_finest_step_of_the_prices_is_none() -> None:
    chart = replace(reading("12.53", atr="0.004"), resolution=CENT)
    found = derive_plan(SignalType.SELL, chart, SETTINGS, tick=None)
    assert isinstance(found, NoTrade)
    assert found.reason == (
        "a stop 2 ATR of 0.004 from 12.53 is nearer than the finest step of the prices, 0.01"
    )
    wide = replace(chart, atr=Decimal("0.005"))
    assert isinstance(derive_plan(SignalType.SELL, wide, SETTINGS, tick=None), TradePlan)


def test_a_short_target_at_or_below_zero_is_an_obstacle() -> None:
    found = obstacle(SignalType.SELL, reading("3"))
    assert found.reason == "a target at 0 is no price"
    assert found.shortfall == 1


@pytest.mark.parametrize(
    ("side", "resolution", "tick", "expected"),
    [
        (SignalType.BUY, "0.01", None, ("12.53", "12.39", "12.74")),
        (SignalType.SELL, "0.01", None, ("12.53", "12.67", "12.32")),
        (SignalType.BUY, "0.01", "0.05", ("12.53", "12.35", "12.80")),
        (SignalType.SELL, "0.01", "0.05", ("12.53", "12.70", "12.25")),
    ],
)
def test_stops_and_targets_are_prices_that_can_be_placed(
    *, side: SignalType, resolution: str, tick: str | None, expected: tuple[str, ...]
) -> None:
    chart = replace(reading("12.53", atr="0.0667"), resolution=Decimal(resolution))
    found = derive_plan(side, chart, SETTINGS, tick=None if tick is None else Decimal(tick))
    assert isinstance(found, TradePlan)
    assert found.prices == tuple(map(Decimal, expected))


def test_without_a_tick_no_step_is_finer_than_the_tenth_digit_of_the_entry() -> None:
    found = plan(SignalType.BUY, reading("123.456789012345", atr="1.00000000012"), tick=None)
    assert found == ("123.456789012345", "121.456789", "126.4567891")
    assert plan(SignalType.SELL, reading("0.00001", atr="0.000001"), tick=None) == (
        "0.00001",
        "0.000012",
        "0.000007",
    )


@pytest.mark.parametrize("tick", ["0", "-0.01", "1e-19", "1e16"])
def test_a_tick_that_is_no_price_step_is_refused(tick: str) -> None:
    with pytest.raises(InvalidInput, match=r"tick .* must lie in"):
        derive_plan(SignalType.BUY, reading(), SETTINGS, tick=Decimal(tick))


def test_a_stop_without_a_range_is_never_guessed() -> None:
    with pytest.raises(InvalidInput, match="BUY on 1d needs ATR for its stop") as caught:
        derive_plan(SignalType.BUY, reading(atr=None), SETTINGS, tick=CENT)
    assert caught.value.kind is ErrorKind.TOO_FEW_BARS


@settings(deadline=None)
@given(
    SIDES,
    st.decimals(1, 1000, places=3),
    st.decimals(0, 50, places=4),
    st.lists(st.decimals(1, 1000, places=3), max_size=6),
    st.sampled_from([CENT, Decimal("0.05"), Decimal(1), Decimal("0.0001")]),
)
def test_a_plan_keeps_its_promises_whatever_the_market(  # noqa: PLR0917 # drawn by position
    side: SignalType, close: Decimal, atr: Decimal, levels: list[Decimal], tick: Decimal
) -> None:
    chart = reading(
        close,
        atr=atr,
        below=[level for level in levels if level < close],
        above=[level for level in levels if level > close],
    )
    found = derive_plan(side, chart, SETTINGS, tick=tick)
    if isinstance(found, NoTrade):
        assert 0 < found.shortfall <= 1
        return
    sign = 1 if side is SignalType.BUY else -1
    risk, reward = sign * (found.entry - found.stop), sign * (found.target - found.entry)
    assert found.prices == (close, found.stop, found.target)
    assert found.stop > 0
    assert found.target > 0
    assert found.stop % tick == found.target % tick == 0
    assert 2 * atr <= risk < 2 * atr + tick
    assert reward * 2 >= 3 * risk
    assert not [level for level in levels if atr < sign * (level - close) < reward]


@settings(deadline=None)
@given(SIDES, st.decimals("0.5", 20, places=2), st.lists(st.integers(50, 150), max_size=4))
def test_buy_and_sell_mirror_each_other(side: SignalType, atr: Decimal, levels: list[int]) -> None:
    above = [str(level) for level in levels if level > 100]
    below = [str(level) for level in levels if level < 100]
    chart = reading(atr=atr, above=above, below=below)
    other = SignalType.SELL if side is SignalType.BUY else SignalType.BUY
    mirror = reading(
        atr=atr,
        above=[str(200 - int(level)) for level in below],
        below=[str(200 - int(level)) for level in above],
    )
    one = derive_plan(side, chart, SETTINGS, tick=CENT)
    two = derive_plan(other, mirror, SETTINGS, tick=CENT)
    if isinstance(one, TradePlan) and isinstance(two, TradePlan):
        assert (one.stop + two.stop, one.target + two.target) == (200, 200)
    else:
        assert isinstance(one, NoTrade)
        assert isinstance(two, NoTrade)
        assert one.shortfall == two.shortfall


def test_the_least_reward_and_the_stop_are_the_strategys() -> None:
    wide = replace(SETTINGS, stop_atr=Decimal(3), min_reward_risk=Decimal(2))
    found = derive_plan(SignalType.BUY, reading(), wide, tick=CENT)
    assert isinstance(found, TradePlan)
    assert (found.stop, found.target) == (97, 106)
