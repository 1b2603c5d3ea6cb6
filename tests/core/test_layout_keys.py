"""What a strategy says of how bars are written: each key, its stored form and its mistakes."""

from collections.abc import Mapping
from typing import Final

import pytest

from tapetrail.core.errors import InvalidInput
from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy, spec_document

DATA: Final = {"exchange": "XNYS", "currency": "USD", "adjustment": "raw"}
KEYS: Final[Mapping[str, object]] = {
    "columns": {"close": "Price", "time": 1, "volume": "Vol."},
    "header": 3,
    "date_format": "%d.%m.%Y",
    "decimal": ",",
    "sheet": "Daily prices",
    "tick_size": "0.05",
    "symbol_map": {"ACME": "ACME.US", "B": "ACME"},
}


def parsed(**data: object) -> StrategySpec:
    content = {"name": "own", "instruments": ["ACME"], "source": "file:a.csv"}
    return parse_strategy({**content, "data": {**DATA, **data}}, place="own.yaml")


@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_the_layout_is_stored_as_it_is_said_and_only_where_it_is(key: str) -> None:
    spec = parsed(**{key: KEYS[key]})
    document = spec_document(spec)
    stored = document["data"]
    assert isinstance(stored, dict)
    assert {name: value for name, value in stored.items() if name in KEYS} == {key: KEYS[key]}
    assert parse_strategy(document, place="stored") == spec
    assert hash(spec) == hash(parsed(**{key: KEYS[key]}))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"columns": {"close": "A", "open": "A"}}, "columns: close and open are both 'A'; each is"),
        ({"columns": {"clse": "A"}}, "expected a mapping of time, open, high, low, close, volume"),
        ({"columns": {"close": 0}}, 'as {close: Price, volume: "Vol."}, found 0'),
        ({"columns": {"close": True}}, 'as {close: Price, volume: "Vol."}, found true'),
        ({"columns": ["Price"]}, "data.columns: expected a mapping of time, open"),
        ({"header": "none", "columns": {"close": "Price"}}, "there are no headings, expected"),
        ({"header": 0}, "expected the number of the line of headings, 1 to 1000, or none, found 0"),
        ({"header": True}, "or none, found true"),
        ({"header": "first"}, "or none, found 'first'"),
        ({"date_format": "%d.%m"}, 'expected how dates are written, as "%d.%m.%Y", of %Y, %y'),
        ({"decimal": ";"}, 'data.decimal: expected "." or ",", found \';\''),
        ({"sheet": 1}, "data.sheet: expected the name of a sheet of a workbook, found 1"),
        ({"tick_size": 0}, "data.tick_size: expected a number above 0"),
        ({"symbol_map": {"A": "X", "B": "X"}}, "symbol_map: A and B are both 'X'; each is one"),
        ({"colums": {}}, "unknown key 'data.colums', did you mean 'columns'?"),
    ],
)
def test_a_mistake_in_the_layout_is_said_once_with_what_is_expected(
    data: Mapping[str, object], said: str
) -> None:
    with pytest.raises(InvalidInput) as failure:
        parsed(**data)
    assert said in failure.value.message
    assert failure.value.message.count("expected") <= 1
