"""What an instrument says itself comes before what `data` says of its own market."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest

from tapetrail.core.errors import InvalidInput
from tapetrail.core.strategy.listings import Listing
from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy, spec_document
from tapetrail.sources.registry import source_rules
from tapetrail.sources.tabular.datasets import dataset_of

DATA = {
    "exchange": "NYSE", "currency": "USD", "adjustment": "raw", "calendar": "24/7",
    "asset_class": "etf", "quoted_in": "USX", "tick_size": "0.01",
}  # fmt: skip
Keys = Mapping[str, object]


def parsed(*instruments: object, data: Keys | None = None, source: str = "frame") -> StrategySpec:
    content = {"name": "s", "instruments": instruments, "source": source}
    described = {} if source == "sample" else {"data": {**DATA, **(data or {})}}
    return parse_strategy({**content, **described}, place="s", sources=source_rules())


def listing(named: object, **data: object) -> Listing:
    spec = parsed(named, data=data)
    assert spec.data is not None
    return Listing.of(spec.instruments[0], spec.data)


def test_without_a_word_of_its_own_an_instrument_is_what_data_says() -> None:
    assert listing("ACME") == Listing(
        exchange="XNYS", currency="USD", calendar="24/7", asset_class="etf", quoted_in="USX",
        tick_size=Decimal("0.01"), conid=None,
    )  # fmt: skip
    assert listing({"symbol": "ACME", "exchange": "XNYS"}) == listing("ACME")


def test_what_an_instrument_says_comes_first() -> None:
    own = {"quoted_in": "USD", "calendar": "NYSE", "asset_class": "future", "tick_size": "0.25"}
    assert listing({"symbol": "ACME", "conid": 7, **own}) == Listing(
        exchange="XNYS", currency="USD", calendar="XNYS", asset_class="future", quoted_in="USD",
        tick_size=Decimal("0.25"), conid=7,
    )  # fmt: skip


def test_what_data_says_of_its_market_is_not_taken_for_another() -> None:
    assert listing({"symbol": "VOD", "exchange": "LSE", "currency": "GBP", "quoted_in": "GBX"}) == (
        Listing(
            exchange="XLON", currency="GBP", calendar="XLON", asset_class="etf", quoted_in="GBX",
            tick_size=None, conid=None,
        )
    )  # fmt: skip
    euro = listing({"symbol": "ACME", "currency": "EUR"})
    assert (euro.calendar, euro.quoted_in, euro.tick_size) == ("XNYS", None, None)


def test_data_may_leave_out_what_every_instrument_says() -> None:
    market = {"exchange": "XLON", "currency": "GBP"}
    nothing = {"exchange": None, "currency": None, "calendar": None, "quoted_in": "GBX"}
    assert listing({"symbol": "VOD", **market}, **nothing).quoted_in == "GBX"
    for key in market:
        some = {name: value for name, value in market.items() if name != key}
        with pytest.raises(InvalidInput, match=rf"the key 'data.{key}' is missing; VOD .*states"):
            parsed({"symbol": "VOD", **some}, data=nothing)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"symbol": "VOD", "exchange": "XLON", "currency": "GBP"},
         r"s: instruments: VOD \(XLON, GBP\): XLON quotes .* write quoted_in: GBX for pence"),
        ({"symbol": "VOD", "currency": "GBX"}, r"instruments: VOD \(GBX\): currency GBX is the"),
        ({"symbol": "VOD", "conid": 0}, "instruments.1.conid: expected the broker's number"),
        ({"symbol": "VOD", "conid": "7"}, "instruments.1.conid: expected the broker's number"),
        ({"symbol": "V*", "conid": 7}, r"instruments: conid 7 is one instrument's, V\* may be"),
        ({"symbol": "VOD", "tick_size": 0}, "instruments.1.tick_size: expected a number above 0"),
        ({"symbol": "VOD", "zone": "UTC"}, "unknown key 'instruments.1.zone', did you mean 'data"),
    ],
)  # fmt: skip
def test_what_an_instrument_says_wrongly_is_refused(named: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        parsed("ACME", named)


def test_a_source_that_knows_its_prices_is_told_none() -> None:
    parsed({"symbol": "AAPL", "conid": 265598}, source="sample")
    with pytest.raises(InvalidInput, match="instruments: AAPL: quoted_in, tick_size describes a"):
        parsed({"symbol": "AAPL", "tick_size": 1, "quoted_in": "USD"}, source="sample")


def test_younger_keys_of_an_instrument_are_stored_only_where_they_are_said() -> None:
    plain = {"exchange": None, "currency": None}
    spec = parsed("ACME", {"symbol": "B", "conid": 7, "tick_size": "0.250"})
    assert spec_document(spec)["instruments"] == [
        {"symbol": "ACME", **plain}, {"symbol": "B", **plain, "conid": 7, "tick_size": "0.25"},
    ]  # fmt: skip
    assert parse_strategy(spec_document(spec), place="stored") == spec


def test_changes_of_a_calendar_are_about_that_of_data_alone() -> None:
    vod = {"symbol": "VOD", "exchange": "XLON", "currency": "GBP", "quoted_in": "GBX"}
    changed = {"calendar": None, "calendar_closed": ["2026-01-05"]}
    spec = parsed("ACME", vod, data=changed)
    assert spec.calendar_changes_of("XNYS").closed == spec.calendar_changes_of("NYSE").closed
    assert spec.calendar_changes_of("XNYS").closed == (date(2026, 1, 5),)
    assert spec.calendar_changes_of("XLON").closed == ()
    assert dataset_of(spec).calendar_changes_of("XNYS").closed == (date(2026, 1, 5),)
    assert dataset_of(spec).calendar_changes_of("XLON").closed == ()
