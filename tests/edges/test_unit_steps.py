"""A step of a hundredfold inside one series is refused with its row, whichever way it goes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.builders import instrument
from tests.edges.normalising import FIRST, SPLIT, normalised, refusal, rows
from tests.edges.own_files import source_of, written

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Adjustment, Split
from tapetrail.core.market.instruments import Instrument

POUNDS = replace(instrument(), currency="GBP")
DINARS = replace(instrument(), currency="KWD")


def series(*closes: float) -> list[dict[str, object]]:
    """Return flat bars of consecutive weekdays."""
    flat: list[Mapping[str, object]] = [
        dict.fromkeys(("open", "high", "low", "close"), close) for close in closes
    ]
    return rows(*flat)


def first_step(closes: Sequence[float], share: Instrument = POUNDS) -> str | None:
    try:
        normalised(series(*closes), share=share)
    except InvalidInput as error:
        return error.message
    return None


@pytest.mark.parametrize(
    "closes", [[1.23, 1.24, 125, 126], [1.23, 1.24, 125, 1.25], [123, 124, 1.25]]
)
def test_pence_beside_pounds_are_refused_with_the_row_and_both_prices(
    closes: Sequence[float],
) -> None:
    said = first_step(closes)
    assert said is not None
    place = f"frame, row 3: close {float(closes[2])} after {float(closes[1])} at frame, row 2:"
    assert said.startswith(f"{place} a step of about 100 looks like pence beside pounds; correct")
    assert said.endswith(f"`price_steps: {{AAPL: [{FIRST + timedelta(days=2)}]}}`")


@pytest.mark.parametrize("slip", ["open", "high", "low"])
def test_pence_beside_pounds_in_one_row_are_refused_with_both_prices(slip: str) -> None:
    bars = series(123, 124, 125)
    wrong = 12_500.0 if slip == "high" else 1.25
    low = {"low": 1.25} if slip == "open" else {}
    bars[1] = {**bars[1], **low, slip: wrong}
    with pytest.raises(InvalidInput) as caught:
        normalised(bars, share=POUNDS)
    least, most = sorted((wrong, 124.0))
    said = f"row 2: price {least} beside {most} in one row: a step of about 100 looks like pence"
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("times", "share", "is_refused"),
    [
        (69, POUNDS, False), (71, POUNDS, True), (139, POUNDS, True), (141, POUNDS, False),
        (100, DINARS, False), (699, DINARS, False), (701, DINARS, True), (1000, DINARS, True),
        (100, instrument(), True),
    ],
)  # fmt: skip
def test_a_step_is_about_as_large_as_the_unit(
    *, times: float, share: Instrument, is_refused: bool
) -> None:
    for closes in ((2, 2 * times), (2 * times, 2)):
        assert (first_step(closes, share) is not None) is is_refused


def test_where_a_currency_has_no_unit_below_hundredths_are_named() -> None:
    said = first_step([1, 100], replace(instrument(), currency="EUR"))
    assert said is not None
    assert "hundredths of EUR beside EUR" in said


def test_a_split_that_is_stated_is_no_step_and_its_price_may_move_besides() -> None:
    reverse = (Split(ex_on=FIRST + timedelta(days=1), ratio=Decimal("0.01")),)
    stated = replace(SPLIT, adjustment=Adjustment.RAW, splits=reverse)
    normalised(series(1.23, 125, 126), conventions=stated)
    normalised(series(1.23, 150, 126), conventions=stated)
    # Prices that were restated for it before are a step once it is undone.
    said = refusal(series(1.23, 1.25, 1.26), conventions=stated)
    assert f"after 1.23 at frame, row 1, the split of {FIRST + timedelta(days=1)} undone" in said


def test_a_split_between_two_rows_is_taken_at_the_later_one() -> None:
    later = (Split(ex_on=FIRST + timedelta(days=1), ratio=Decimal(100)),)
    stated = replace(SPLIT, adjustment=Adjustment.RAW, splits=later)
    days = [FIRST, FIRST + timedelta(days=2)]
    closes = [dict(row, date=str(day)) for row, day in zip(series(125, 1.25), days, strict=True)]
    normalised(closes, conventions=stated)
    for split in (Split(ex_on=FIRST, ratio=Decimal(100)),
                  Split(ex_on=days[1] + timedelta(days=1), ratio=Decimal(100))):  # fmt: skip
        assert "a step of about 100" in refusal(
            closes, conventions=replace(stated, splits=(split,))
        )


def test_a_day_that_is_named_is_a_price_that_moved() -> None:
    moved = replace(SPLIT, price_steps=frozenset({FIRST + timedelta(days=1)}))
    normalised(series(0.01, 1, 1.1), conventions=moved)
    # It is that day's step alone.
    assert "row 3" in refusal(series(0.01, 1, 0.01), conventions=moved)


def test_prices_that_may_lie_at_0_are_exempt() -> None:
    signed = replace(SPLIT, signed_prices=True)
    normalised(series(18.27, -37.63, 0.1, 10.01, 0), conventions=signed)


def csv_of(closes: Sequence[float]) -> str:
    lines = [f"{date(2025, 1, 1) + timedelta(days=at)},{c},{c},{c},{c},1"
             for at, c in enumerate(closes)]  # fmt: skip
    return "\n".join(["Date,Open,High,Low,Close,Volume", *lines, ""])


@pytest.mark.parametrize(
    ("data", "is_refused"),
    [
        ({}, True),
        ({"price_steps": {"ACME": ["2025-01-03"]}}, False),
        ({"price_steps": {"ACME": ["2025-01-02"]}}, True),
        ({"splits": {"ACME": {"2025-01-03": "0.01"}}}, False),
        ({"asset_class": "futures"}, False),
    ],
)
def test_a_file_is_refused_before_the_run_unless_the_strategy_says_what_it_is(
    tmp_path: Path, *, data: Mapping[str, object], is_refused: bool
) -> None:
    source = source_of(written(tmp_path, csv_of([1.2, 1.25, 124, 126])), data)
    share = source.instrument("ACME")
    if not is_refused:
        assert source.coverage(share) == (date(2025, 1, 1), date(2025, 1, 4))
        return
    with pytest.raises(InvalidInput, match=r"prices.csv, line 4: close 124.0 after 1.25 at"):
        source.coverage(share)


def test_a_step_of_what_there_are_no_bars_of_is_refused(tmp_path: Path) -> None:
    source = source_of(written(tmp_path, csv_of([1, 2])), {"price_steps": {"ACNE": []}})
    with pytest.raises(InvalidInput, match=r"price_steps of ACNE: .* holds no bars of it"):
        source.coverage(source.instrument("ACME"))
