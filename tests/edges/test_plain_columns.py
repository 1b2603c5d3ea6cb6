"""Columns read as a whole: the same as cell by cell, and nothing that can be doubted."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.errors import InvalidInput
from tapetrail.sources.tabular.cells import TimeKind, parse_times
from tapetrail.sources.tabular.numbers import parse_numbers, parse_volumes
from tapetrail.sources.tabular.plain_columns import plain_integers, plain_numbers


def where(at: int) -> str:
    return f"row {at + 1}"


PLAIN = st.decimals(min_value=0, max_value=10**12, places=8).map(lambda number: f"{number:f}")


@given(st.lists(PLAIN, min_size=1), st.lists(st.floats(width=64), min_size=1))
def test_plain_columns_are_read_as_their_cells_are(texts: list[str], floats: list[float]) -> None:
    for cells in (texts, floats):
        whole = plain_numbers(cells)
        assert whole is not None
        # A missing cell has the whole column read cell by cell.
        for parse in (parse_numbers, parse_volumes):
            np.testing.assert_array_equal(parse(cells, where), whole)
            np.testing.assert_array_equal(parse([*cells, None], where)[:-1], whole)


@pytest.mark.parametrize(
    "cell",
    ["1,234.5", "1.2K", "-", "", " 1", "1_0", "nan", "1\n2", "-1", "1e5", "\u0661", 1, True,
     Decimal(1), None],
)  # fmt: skip
def test_a_column_with_a_cell_that_needs_a_second_look_is_not_plain(cell: object) -> None:
    assert plain_numbers(["1.5", cell]) is None


def test_a_text_of_two_lines_is_refused_as_before() -> None:
    with pytest.raises(InvalidInput, match=r"row 2: .* is not a number"):
        parse_numbers(["1", "2\n3"], where)


@given(
    st.sampled_from([(10**8, 10**11, 1_000_000), (10**11, 10**14, 1000), (10**14, 10**17, 1)]),
    st.data(),
)
def test_epochs_of_one_unit_are_read_as_their_cells_are(
    unit: tuple[int, int, int], data: st.DataObject
) -> None:
    start, end, factor = unit
    cells = data.draw(st.lists(st.integers(start, min(end, 200 * start) - 1), min_size=1))
    found = parse_times(cells, where)
    assert found.kind is TimeKind.INSTANT
    assert found.values.astype(np.int64).tolist() == [cell * factor for cell in cells]
    # A text has the column read cell by cell.
    slow = parse_times([*map(str, cells)], where)
    np.testing.assert_array_equal(slow.values, found.values)


@pytest.mark.parametrize("cells", [[], [1.5], ["1"], [True], [10**30]])
def test_whole_numbers_are_those_alone(cells: list[object]) -> None:
    assert plain_integers(cells) is None


def test_epochs_of_two_units_are_told_cell_by_cell() -> None:
    with pytest.raises(InvalidInput, match="a column holds times of one kind"):
        parse_times([1_700_000_000, 1_700_000_000_000], where)
    assert parse_times([20260102, 20260105], where).kind is TimeKind.DATE
