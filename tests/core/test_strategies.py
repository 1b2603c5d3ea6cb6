"""What a strategy file may say, what is made of it, and what is said of a slip."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import DAILY, MONTHLY, WEEKLY, Split, Timeframe
from tapetrail.core.market.indicators import IndicatorSettings
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.refusals import nearest
from tapetrail.core.strategy.signal_settings import SignalSettings
from tapetrail.core.strategy.strategies import (
    StrategySpec,
    parse_strategy,
    spec_digest,
    spec_document,
)
from tapetrail.sources.registry import source_rules

LEAST: Final[Mapping[str, object]] = {"name": "mine", "instruments": ["AAPL"]}


def parsed(**keys: object) -> StrategySpec:
    return parse_strategy({**LEAST, **keys}, place="mine.yaml", sources=source_rules())


def refusal(**keys: object) -> str:
    with pytest.raises(InvalidInput) as failure:
        parsed(**keys)
    place, _, said = failure.value.message.partition(": ")
    assert place == "mine.yaml"
    return said


def test_the_least_strategy_is_completed_with_every_default() -> None:
    assert spec_document(parsed()) == {
        "name": "mine",
        "instruments": [{"symbol": "AAPL", "exchange": None, "currency": None}],
        "source": "sample",
        "timeframes": ["1d", "1w"],
        "bars": {"1d": 250, "1w": 104, "1mo": 60},
        "indicators": {
            "SMA": [20, 50, 200],
            "Bollinger": [20, "2"],
            "SuperTrend": [10, "3"],
            "RSI": 14,
            "MACD": [12, 26, 9],
            "OBV": True,
            "ATR": 14,
        },
        "analyst": "builtin:technical-rules-v1",
        "shadows": [],
        "prompt": {"chart": "chart-v1", "consolidated": "consolidated-v1"},
        "signal": {
            "sell_means": "short",
            "horizon_sessions": 20,
            "min_reward_risk": "1.5",
            "stop_atr": "2",
        },
        "require_all_charts": True,
        "partial_bar": "exclude",
        "benchmark": None,
        "budget": {"execution_usd": "1", "day_usd": "20"},
    }


def test_the_defaults_are_those_of_the_settings_they_become() -> None:
    assert parsed().indicators.settings() == IndicatorSettings()
    assert parsed().signal.settings() == SignalSettings()


def test_what_is_drawn_follows_the_timeframes_in_their_order() -> None:
    spec = parsed(timeframes=["1mo", "1d", "1w"], bars={"1d": 120, "1mo": 36})
    assert spec.drawn == ((MONTHLY, 36), (DAILY, 120), (WEEKLY, 104))


def test_bars_are_a_mapping_from_every_timeframe_that_is_drawn_to_a_number() -> None:
    bars = parsed(bars={"1mo": 36}).bars
    assert dict(bars) == {DAILY: 250, WEEKLY: 104, MONTHLY: 36}
    assert (len(bars), bars[MONTHLY], Timeframe.parse("1h") in bars) == (3, 36, False)


@pytest.mark.parametrize("nothing", [False, None])
def test_false_and_null_leave_an_indicator_out(nothing: object) -> None:
    names = ("SMA", "Bollinger", "SuperTrend", "RSI", "MACD", "OBV", "ATR")
    spec = parsed(indicators=dict.fromkeys(names, nothing))
    assert spec.indicators.settings() == IndicatorSettings(
        sma=(), bollinger=None, supertrend=None, rsi=None, macd=None, obv=False, atr=None
    )
    again = parse_strategy(spec_document(spec), place="the record")
    assert again.indicators.settings() == spec.indicators.settings()


@pytest.mark.parametrize("name", ["SMA", "Bollinger", "SuperTrend", "RSI", "MACD", "ATR"])
def test_true_is_no_number_of_bars(name: str) -> None:
    said = refusal(indicators={name: True})
    assert said.startswith(f"indicators.{name}: expected ")
    assert said.endswith(", or false to leave it out, found true")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"instrumnets": ["IBM"]}, "unknown key 'instrumnets', did you mean 'instruments'?"),
        ({"Timeframe": ["1d"]}, "unknown key 'Timeframe', did you mean 'timeframes'?"),
        (
            {"signal": {"stop_art": 2}},
            "unknown key 'signal.stop_art', did you mean 'stop_atr'?",
        ),
        ({"indicators": {"RSl": 14}}, "unknown key 'indicators.RSl', did you mean 'RSI'?"),
        ({"indicators": {"bolinger": 1}}, "unknown key 'indicators.bolinger', did you mean 'Bo"),
        ({"bars": {"1day": 250}}, "unknown key 'bars.1day', did you mean '1d'?"),
        ({"bars": {"1m": 250}}, "unknown key 'bars.1m', did you mean '1mo'?"),
        ({"prompt": {"charts": "x"}}, "unknown key 'prompt.charts', did you mean 'chart'?"),
        ({"budget": {"daily_usd": 1}}, "unknown key 'budget.daily_usd', did you mean 'day_usd'?"),
        (
            {"instruments": ["IBM", {"symbol": "VOD", "exchnage": "LSE"}]},
            "unknown key 'instruments.1.exchnage', did you mean 'exchange'?",
        ),
        ({"stop_atr": 2}, "unknown key 'stop_atr', did you mean 'signal.stop_atr'?"),
        ({"signal": {"RSI": 9}}, "unknown key 'signal.RSI', did you mean 'indicators.RSI'?"),
        (
            {"signal": {"xyz": 1}},
            "unknown key 'signal.xyz'; known: entry_sessions, horizon_sessions, min_reward_risk",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(
    keys: Mapping[str, object], said: str
) -> None:
    assert refusal(**keys).startswith(said)


def test_a_key_that_is_no_text_is_refused_like_any_unknown_one() -> None:
    with pytest.raises(InvalidInput, match=r"mine\.yaml: unknown key '1'; known: analyst, "):
        parse_strategy({**LEAST, 1: 2}, place="mine.yaml")


def test_missing_keys_are_named_with_their_place() -> None:
    with pytest.raises(InvalidInput) as failure:
        parse_strategy({"instruments": [{"exchange": "LSE"}]}, place="mine.yaml")
    assert failure.value.message == (
        "mine.yaml: the key 'name' is missing; the key 'instruments.0.symbol' is missing"
    )


@pytest.mark.parametrize(
    ("content", "found"),
    [(None, "nothing"), ([], "[]"), ("name: mine", "'name: mine'"), (3, "3"), (b"x", "a bytes")],
)
def test_content_that_is_no_mapping_is_refused(content: object, found: str) -> None:
    with pytest.raises(InvalidInput) as failure:
        parse_strategy(content, place="mine.yaml")
    assert failure.value.message == f"mine.yaml: expected a mapping of keys, found {found}"


@pytest.mark.parametrize("value", [True, False, 7203, None, Decimal("1.5"), ["AAPL"]])
def test_a_symbol_that_yaml_read_as_something_else_is_refused_with_the_advice_to_quote_it(
    value: object,
) -> None:
    for instruments in ([value], [{"symbol": value}]):
        said = refusal(instruments=instruments)
        assert said.startswith("instruments.0.symbol: expected a symbol")
        assert 'in quotes where YAML reads something else, as in "ON" or "7203", found' in said
    if value is not None:
        assert refusal(benchmark=value).startswith("benchmark: expected a symbol")


@pytest.mark.parametrize(
    "symbol", ["", " ", "BRK B", "A\n", "A\x00", "A\u202e", "\ud800", "A" * 33]
)
def test_a_symbol_is_visible_text_without_spaces(symbol: str) -> None:
    assert refusal(instruments=[symbol]).startswith("instruments.0.symbol: expected a symbol")


@pytest.mark.parametrize("symbol", ["BRK.B", "^GSPC", "7203", "ON", "EUR/USD", "é", "A" * 32])
def test_symbols_of_every_market_are_taken(symbol: str) -> None:
    assert parsed(instruments=[symbol]).instruments[0].symbol == symbol


def test_one_instrument_is_named_once() -> None:
    assert refusal(instruments=["AAPL", "IBM", "AAPL"]).startswith("instruments: AAPL is named tw")
    on_london = {"symbol": "VOD", "exchange": "LSE"}
    in_pounds = {"symbol": "VOD", "currency": "GBP"}
    for other in ("VOD", on_london, in_pounds):
        assert "VOD is named twice" in refusal(instruments=[on_london, other])


def test_one_symbol_on_two_markets_is_two_instruments() -> None:
    names = [
        {"symbol": "VOD", "exchange": "LSE", "currency": "GBP"},
        {"symbol": "VOD", "exchange": "XNAS", "currency": "USD"},
    ]
    spec = parsed(instruments=names)
    assert [name.exchange for name in spec.instruments] == ["LSE", "XNAS"]
    assert not spec.instruments[0].may_be(spec.instruments[1])


@given(
    st.lists(
        st.builds(
            InstrumentName,
            symbol=st.sampled_from(["A", "B"]),
            exchange=st.sampled_from([None, "X", "Y"]),
            currency=st.sampled_from([None, "USD", "GBP"]),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_accepted_instruments_can_never_mean_the_same_one(names: list[InstrumentName]) -> None:
    pairs = [(one, two) for at, one in enumerate(names) for two in names[:at]]
    overlap = any(
        one.symbol == two.symbol
        and (one.exchange == two.exchange or None in (one.exchange, two.exchange))
        and (one.currency == two.currency or None in (one.currency, two.currency))
        for one, two in pairs
    )
    if overlap:
        assert "is named twice" in refusal(instruments=names)
    else:
        assert parsed(instruments=names).instruments == tuple(names)


@pytest.mark.parametrize("count", [0, 1001])
def test_a_strategy_has_1_to_1000_instruments(count: int) -> None:
    said = refusal(instruments=[f"S{number}" for number in range(count)])
    assert said == f"instruments: expected 1 to 1000 symbols, found {count}"


@pytest.mark.parametrize(
    ("timeframes", "said"),
    [
        (
            ["1h"],
            "timeframes: expected a list of 1d, 1w and 1mo, the primary one first, found '1h'",
        ),
        ("1d", "timeframes: expected a list of 1d, 1w and 1mo, the primary one first, found '1d'"),
        ([], "timeframes: expected at least one of 1d, 1w and 1mo, found none"),
        (["1w", "1d", "1w"], "timeframes: 1w is named twice"),
    ],
)
def test_timeframes_are_a_list_of_known_ones_each_once(timeframes: object, said: str) -> None:
    assert refusal(timeframes=timeframes) == said


@pytest.mark.parametrize("written", ["3", "1.0.0", True, 0, -1, 2.5, Decimal("2.5"), 10**30, "v3"])
def test_a_version_is_a_whole_number_from_1(written: object) -> None:
    said = refusal(version=written)
    assert said.startswith("version: expected a whole number from 1 to 1000000, not in quotes, fou")


@pytest.mark.parametrize("written", [3, 3.0, Decimal("3.0")])
def test_a_whole_number_may_be_written_with_a_point(written: object) -> None:
    assert parsed(version=written).version == 3
    assert parsed(bars={"1d": written}).drawn[0] == (DAILY, 3)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e300, Decimal("1e999999"), "20"])
def test_no_number_that_is_not_whole_counts_sessions(number: object) -> None:
    said = refusal(signal={"horizon_sessions": number})
    assert said.startswith("signal.horizon_sessions: expected a whole number of sessions from 1 to")


@pytest.mark.parametrize(
    "number",
    [
        0, -1, 100.5, 1e-11, float("nan"), float("inf"), float("-inf"), Decimal("NaN"),
        Decimal("sNaN"), Decimal("1e-4000"), "1e1", "nan", "Infinity", "1_0", " 1", "1.", "",
        "\uff11", "1" * 40, True, None, [1], {},
    ],
)  # fmt: skip
def test_a_ratio_is_a_plain_number_above_0_up_to_100(number: object) -> None:
    for name in ("min_reward_risk", "stop_atr"):
        said = refusal(signal={name: number})
        assert said.startswith(f"signal.{name}: expected a number above 0, at most 100, with up to")


@pytest.mark.parametrize("written", [1.5, Decimal("1.50"), "1.5", "+1.5"])
def test_one_and_a_half_is_exactly_that(written: object) -> None:
    spec = parsed(signal={"min_reward_risk": written})
    assert spec.signal.settings().min_reward_risk == Decimal("1.5")
    assert spec_digest(spec) == spec_digest(parsed())


@pytest.mark.parametrize("written", [2, 2.0, "2", "2.0", Decimal("2.00"), Decimal("2E0")])
def test_a_number_has_one_digest_however_it_is_written(written: object) -> None:
    spec = parsed(
        signal={"stop_atr": written},
        indicators={"Bollinger": [20, written]},
        budget={"day_usd": Decimal(10) * Decimal(str(written))},
    )
    assert spec == parsed()
    assert spec_digest(spec) == spec_digest(parsed())


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"name": "my strategy"}, "name: expected 1 to 80 letters, digits, '.', '_' and '-'"),
        ({"name": 5}, "name: expected 1 to 80 letters"),
        ({"source": None}, "source: expected the name of a source, or file: and a path, found"),
        ({"signal": None}, "signal: expected a mapping of signal settings, found nothing"),
        ({"signal": {"sell_means": "shrot"}}, "signal.sell_means: expected short or exit, found"),
        ({"require_all_charts": "no"}, "require_all_charts: expected true or false, found 'no'"),
        ({"require_all_charts": 1}, "require_all_charts: expected true or false, found 1"),
        ({"partial_bar": "mark"}, "partial_bar: expected exclude, found 'mark'"),
        ({"indicators": {"OBV": "yes"}}, "indicators.OBV: expected true, or false to leave it out"),
        ({"indicators": {"SMA": 20}}, "indicators.SMA: expected a list of up to 10 whole numbers"),
        ({"indicators": {"SMA": [20, "50"]}}, "indicators.SMA: expected a list of up to 10 whole"),
        ({"indicators": {"SMA": list(range(2, 13))}}, "indicators.SMA: expected a list of up"),
        ({"indicators": {"SMA": [20, 20]}}, "indicators: SMA: the periods [20, 20] name one twice"),
        ({"indicators": {"RSI": 1}}, "indicators: RSI: period 1 must lie in 2..1000"),
        ({"indicators": {"MACD": [12, 26]}}, "indicators.MACD: expected [fast, slow, signal]"),
        ({"indicators": {"MACD": [26, 12, 9]}}, "indicators: MACD: the fast period 26 must be"),
        ({"indicators": {"Bollinger": [20, 0]}}, "indicators: Bollinger: width 0 must lie above 0"),
        ({"indicators": {"SuperTrend": [10]}}, "indicators.SuperTrend: expected [bars, ranges]"),
        ({"bars": {"1d": 1001}}, "bars.1d: expected a whole number of bars from 2 to 1000"),
        ({"bars": [250]}, "bars: expected a mapping of 1d, 1w and 1mo to numbers, found [250]"),
        ({"budget": {"day_usd": -1}}, "budget.day_usd: expected US dollars from 0 to 1000000"),
        ({"prompt": {"chart": "a b"}}, "prompt.chart: expected 1 to 80 letters"),
        ({"shadows": [""]}, "shadows: expected a list of analysts, found ''"),
        ({"analyst": "x\x00"}, "analyst: expected the name of an analyst, found 'x\\x00'"),
        ({"source": {"file": "x"}}, "source: expected the name of a source, or file: and a path"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_its_place_and_the_rule(
    keys: Mapping[str, object], said: str
) -> None:
    assert refusal(**keys).startswith(said)


def test_many_slips_are_counted_and_not_all_told() -> None:
    said = refusal(instruments=[True] * 900)
    assert said.endswith("; and 895 more")
    assert len(said) < 1000


def test_a_long_value_is_cut_in_the_message() -> None:
    assert refusal(name="x" * 100_000).endswith(f"found '{'x' * 59}...")
    assert len(refusal(shadows=[["y" * 100] * 100])) < 200


def test_a_specification_cannot_be_changed_and_can_be_a_key() -> None:
    spec = parsed()
    with pytest.raises(ValidationError):
        spec.name = "other"
    assert hash(spec) == hash(parsed())


def test_any_mapping_is_content() -> None:
    content = MappingProxyType({**LEAST, "signal": MappingProxyType({"stop_atr": 3})})
    assert parse_strategy(content, place="x").signal.stop_atr == 3


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(sorted(StrategySpec.model_fields)),
)
def test_no_content_is_more_than_refused(value: object, key: str) -> None:
    try:
        parsed(**{key: value})
    except InvalidInput as error:
        assert error.message.startswith("mine.yaml: ")  # noqa: PT017 # acceptance is fine too
        assert len(error.message) < 2000  # noqa: PT017 # as above


def test_the_nearest_name_disregards_case_and_is_none_when_nothing_is_near() -> None:
    assert nearest("aapl", ["AAPL", "IBM"]) == "AAPL"
    assert nearest("horizon", ["horizon_sessions", "stop_atr"]) == "horizon_sessions"
    assert nearest("zzz", ["AAPL", "IBM"]) is None


DATA: Final = {"exchange": "XNYS", "currency": "USD", "adjustment": "raw"}


def own(**changes: object) -> Mapping[str, object]:
    return {"source": "file:a.csv", "data": {**DATA, **changes}}


def test_bars_of_ones_own_are_described_once_and_stored_as_written() -> None:
    splits = {"IBM": {"1999-05-27": 2}, "AAPL": {"2014-06-09": 7, "2005-02-28": "2"}}
    spec = parsed(source="file:my data/{symbol}.csv", data={**DATA, "splits": splits})
    assert spec.data is not None
    assert spec.data.splits_by_symbol() == {
        "AAPL": (
            Split(ex_on=date(2005, 2, 28), ratio=Decimal(2)),
            Split(ex_on=date(2014, 6, 9), ratio=Decimal(7)),
        ),
        "IBM": (Split(ex_on=date(1999, 5, 27), ratio=Decimal(2)),),
    }
    document = spec_document(spec)
    assert parse_strategy(document, place="stored") == spec
    assert document["data"] == {
        **DATA,
        "calendar": None,
        "symbol": None,
        "asset_class": "equity",
        "zone": None,
        "quoted_in": None,
        "volume_unit": "shares",
        "missing_prices": "refuse",
        "utc_midnights": "refuse",
        "splits": {"AAPL": {"2005-02-28": "2", "2014-06-09": "7"}, "IBM": {"1999-05-27": "2"}},
    }
    assert hash(spec) == hash(parse_strategy(document, place="stored"))


def test_a_program_may_write_the_day_of_a_split_as_a_date() -> None:
    days = [date(2020, 8, 31), "2020-08-31"]
    specs = [parsed(source="frame", data={**DATA, "splits": {"AAPL": {day: 4}}}) for day in days]
    assert specs[0] == specs[1]


def test_a_younger_key_is_in_the_document_only_where_it_is_not_its_default() -> None:
    for sessions, expected in ((5, None), (6, 6)):
        signal = spec_document(parsed(signal={"entry_sessions": sessions}))["signal"]
        assert isinstance(signal, dict)
        assert signal.get("entry_sessions") == expected
        assert signal["horizon_sessions"] == 20


def test_without_bars_of_ones_own_the_document_is_that_of_earlier_releases() -> None:
    assert "data" not in spec_document(parsed())
    data = parsed(source="frame", data=DATA).data
    assert data is not None
    assert data.splits_by_symbol() is None


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"source": "file:a.csv"}, "the key 'data' is missing: source file:a.csv needs {exchange"),
        ({"source": "frame"}, "the key 'data' is missing: source frame needs"),
        ({"data": DATA}, "data: describes a source file:PATH; the source is sample"),
        ({"source": "a b"}, "source: expected the name of a source, or file: and a path"),
        ({"source": "file:a\nb"}, "source: expected the name of a source, or file: and a path"),
        ({"source": f"file:{'a' * 400}"}, "source: expected the name of a source, or file: and"),
        ({"exchange": "XNYS"}, "unknown key 'exchange', did you mean 'instruments.exchange' or"),
        (own(adjustment=None), "data.adjustment: expected raw or split or split+dividend, found"),
        (own(adjustment="splits"), "data.adjustment: expected raw or split or split+dividend"),
        (own(exchange="New York"), "data.exchange: expected the name of an exchange, without"),
        (own(volume_unit="pieces"), "data.volume_unit: expected shares or lots or contracts or"),
        (own(mising_prices="drop"), "unknown key 'data.mising_prices', did you mean 'missing_pr"),
        (own(splits=4), "data.splits: expected a mapping of symbols to mappings of dates"),
        (own(splits={"AAPL": 4}), "data.splits: expected a mapping of symbols to mappings of"),
        (own(splits={"AAPL": {"2020": 4}}), "data.splits: expected a mapping of symbols to"),
        (own(splits={"AAPL": {"2020-02-30": 4}}), "data.splits: expected a mapping of symbols"),
        (own(splits={"AAPL": {"2020-02-03": 0}}), "data.splits: expected a mapping of symbols"),
        (own(splits={"AAPL": {True: 4}}), "data.splits: expected a mapping of symbols"),
        (
            own(adjustment="split", splits={"AAPL": {"2020-08-31": 4}}),
            "data: splits restate raw prices; these are adjusted split",
        ),
    ],
)
def test_bars_that_are_described_wrongly_are_refused(keys: Mapping[str, object], said: str) -> None:
    assert refusal(**keys).startswith(said)


@pytest.mark.parametrize("left_out", sorted(DATA))
def test_what_bars_do_not_say_must_be_said(left_out: str) -> None:
    some = {key: value for key, value in DATA.items() if key != left_out}
    said = refusal(source="file:a.csv", data=some)
    named = "" if left_out == "adjustment" else "; AAPL states none itself"
    assert said == f"the key 'data.{left_out}' is missing{named}"


def test_all_stays_the_word_that_it_is() -> None:
    spec = parsed(instruments="all")
    document = spec_document(spec)
    assert document["instruments"] == "all"
    assert parse_strategy(document, place="stored") == spec == parsed(instruments=["*"])
    assert spec_document(parsed(instruments=["A*"]))["instruments"] == [
        {"symbol": "A*", "exchange": None, "currency": None}
    ]
    assert [str(name) for name in parsed(instruments=["ALL"]).instruments] == ["ALL"]
    for other in ("ALL", "every", ""):
        assert "instruments: expected a list of symbols, or all, found" in refusal(
            instruments=other
        )
