"""What prices are quoted in is stated, never guessed."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.units import MINOR_UNITS, price_factor
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.sources.registry import source_rules

LONDON = {"exchange": "XLON", "currency": "GBP", "adjustment": "split"}


def refusal(**data: object) -> str | None:
    content = {"name": "s", "instruments": ["VOD"], "source": "frame", "data": {**LONDON, **data}}
    parse_strategy(content, place="stored")  # what is recorded stays readable
    try:
        parse_strategy(content, place="s", sources=source_rules())
    except InvalidInput as error:
        return error.message
    return None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "quoted_in: GBX for pence, or quoted_in: GBP for pounds"),
        ({"exchange": "LSE"}, "quoted_in: GBX for pence, or quoted_in: GBP for pounds"),
        ({"exchange": "CHIX", "calendar": "XLON"}, "quoted_in: GBX for pence, or quoted_in: GBP"),
        ({"currency": "USD"}, "quoted_in: USX for cents, or quoted_in: USD for dollars"),
        ({"currency": "EUR"}, "do not say which; write quoted_in: EUR"),
        ({"exchange": "XJSE", "currency": "ZAR"}, "quoted_in: ZAc for cents, or quoted_in: ZAR"),
        ({"exchange": "TASE", "currency": "ILS"}, "quoted_in: ILA for agorot, or quoted_in: ILS"),
    ],
)
def test_where_both_units_are_quoted_in_the_unit_must_be_said(
    data: Mapping[str, object], words: str
) -> None:
    said = refusal(**data)
    assert said is not None
    assert said.startswith("s: data: X")
    assert words in said
    unit = words.split("quoted_in: ")[1].split(" ", maxsplit=1)[0]
    assert refusal(**data, quoted_in=unit) is None


def test_elsewhere_prices_are_in_the_currency_where_nothing_is_said() -> None:
    assert refusal(exchange="XNYS", currency="USD") is None


def test_a_unit_of_quotes_is_no_currency() -> None:
    said = "s: data: currency GBp is the unit of quotes, and prices are recorded in GBP; write"
    assert refusal(currency="GBp") == f"{said} currency: GBP, quoted_in: GBp"


def test_factors_are_exact_and_of_the_currency_alone() -> None:
    factors = {name: price_factor(unit.currency, name) for name, unit in MINOR_UNITS.items()}
    assert factors.pop("KWF") == Decimal("0.001")
    assert {*factors.values()} == {Decimal("0.01")}
    assert (price_factor("GBP", None), price_factor("GBP", "GBP")) == (1, 1)
    assert price_factor("USD", "GBX") is price_factor("GBP", "gbx") is None
