"""What the cells of a table say of prices and volumes: numbers as float64, NaN where missing.

A number has a decimal point and no separators, unless it can mean one number alone: `1,234.50` has
grouped thousands. What `1,234` and `1.234,50` are is for the strategy to say (`decimal`). Volumes
may be counted in thousands (`1.2K`, `M`, `B`); prices never are.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, cast

import numpy as np

from tapetrail.core.market.bars import Floats
from tapetrail.sources.tabular.cells import Cells, Where, is_missing, refused, shown
from tapetrail.sources.tabular.plain_columns import plain_numbers

# Each text is read in one pass, however long it is: nothing can match in two ways.
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", re.ASCII)
# What Python writes for a float that is none; whether one is accepted is not decided here.
_INFINITE_TEXTS: Final = frozenset({"inf", "-inf"})
_SPACES: Final = " \u00a0\u202f'\u2019"
_GROUPED: Final = {
    mark: re.compile(
        rf"[-+]?[0-9]{{1,3}}(?P<group>[{other}{_SPACES}])[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*"
        rf"(?:[{mark}][0-9]*)?",
        re.ASCII,
    )
    for mark, other in ((".", ","), (",", "."))
}
_COMMA_NUMBER: Final = re.compile(r"[-+]?[0-9]+(?:,[0-9]*)?", re.ASCII)
# One group of three after a comma, and nothing else: a thousand, or three decimals.
_DOUBTFUL: Final = re.compile(r"[-+]?[0-9]{1,3},[0-9]{3}", re.ASCII)
_SEPARATED: Final = re.compile(r"[-+]?[0-9.,]+", re.ASCII)
_COUNTED: Final = re.compile(r"(?P<number>[^eE]*[0-9])\s?(?P<unit>[KMB])", re.ASCII | re.IGNORECASE)
_UNITS: Final = {"k": Decimal(10**3), "m": Decimal(10**6), "b": Decimal(10**9)}
_DASHES: Final = frozenset({"-", "--", "\u2013", "\u2014"})
_DECIMAL_LINES: Final = 'add to `data`: `decimal: ","`'


def parse_numbers(cells: Cells, where: Where, *, decimal: str | None = None) -> Floats:
    """Return the cells as float64, shape (n,), NaN where missing; `where` names a cell's place.

    `decimal` is the mark that texts have before their decimals, where the strategy says it. A
    float32 becomes the float64 of its own shortest decimal: 0.1 stays 0.1. Raises `InvalidInput`
    for what is no number, and for what may be two.
    """
    if isinstance(cells, np.ndarray):
        return np.array(list(map(float, cells.astype(str).tolist())), dtype=np.float64)
    plain = None if decimal == "," else plain_numbers(cells)
    if plain is not None:
        return plain
    mark = decimal or _proven(cells)
    numbers = [_parse_number(cell, where, at, mark=mark) for at, cell in enumerate(cells)]
    return np.array(numbers, dtype=np.float64)


def parse_volumes(cells: Cells, where: Where, *, decimal: str | None = None) -> Floats:
    """Return the cells as `parse_numbers` does, with `1.2K` as 1200 and a dash as missing."""
    if isinstance(cells, np.ndarray):
        return parse_numbers(cells, where)
    whole = None if decimal == "," else plain_numbers(cells)
    if whole is not None:
        return whole
    texts = [None if isinstance(c, str) and c.strip() in _DASHES else c for c in cells]
    counted = [_COUNTED.fullmatch(c.strip()) if isinstance(c, str) else None for c in texts]
    plain = [match["number"] if match else c for match, c in zip(counted, texts, strict=True)]
    mark = decimal or _proven(plain)
    return np.array(
        [
            _parse_number(cell, where, at, mark=mark)
            if match is None
            else float(
                _exact(match["number"], where, at, mark=mark) * _UNITS[match["unit"].casefold()]
            )
            for at, (cell, match) in enumerate(zip(plain, counted, strict=True))
        ],
        dtype=np.float64,
    )


def _proven(cells: Sequence[object]) -> str | None:
    """Return the decimal point where a cell has both it and grouped thousands, None for none."""
    for cell in cells:
        if isinstance(cell, str) and "," in cell and _is_grouped(cell.strip()):
            return "."
    return None


def _is_grouped(text: str) -> bool:
    return _GROUPED["."].fullmatch(text) is not None and not _DOUBTFUL.fullmatch(text)


def _parse_number(cell: object, where: Where, at: int, *, mark: str | None) -> float:
    if isinstance(cell, float):
        return float(cell)
    if is_missing(cell):
        return float("nan")
    if isinstance(cell, str):
        return _text_number(cell, where, at, mark=mark)
    match cell:
        case bool() | np.bool_():
            pass
        case np.floating():
            return float(str(cell))
        case int() | Decimal() | np.integer():
            return _as_float(cast("int", cell))
        case _:
            pass
    raise refused(f"{where(at)}: {shown(cell)} is not a number")


def _text_number(cell: str, where: Where, at: int, *, mark: str | None) -> float:
    text = cell.strip()
    if text in _INFINITE_TEXTS or (mark != "," and _NUMBER.fullmatch(text)):
        return float(text)
    return float(_exact(cell, where, at, mark=mark))


def _exact(cell: str, where: Where, at: int, *, mark: str | None) -> Decimal:
    """Return the number that a text is by its decimal mark, its thousands grouped or not."""
    text = cell.strip()
    if mark == "," and _COMMA_NUMBER.fullmatch(text):
        return Decimal(text.replace(",", "."))
    if mark != "," and _NUMBER.fullmatch(text):
        return Decimal(text)
    match = _GROUPED[mark or "."].fullmatch(text)
    if match is not None and not (mark is None and _DOUBTFUL.fullmatch(text)):
        return Decimal(text.replace(match["group"], "").replace(",", "."))
    raise refused(f"{where(at)}: {shown(cell)} {_why(text, mark)}")


def _why(text: str, mark: str | None) -> str:
    """Return why a text is no number, and what may be said to make it one."""
    if mark is None and _DOUBTFUL.fullmatch(text):
        return (
            "has a comma; it may be a thousand, or have three decimals, and no row tells; add to"
            ' `data`: `decimal: "."` or `decimal: ","`'
        )
    if mark is None and "," in text and _SEPARATED.fullmatch(text):
        return f"has a comma; numbers have a decimal point, as in 1234.5; {_DECIMAL_LINES}"
    if _COUNTED.fullmatch(text):
        return "is not a number: a volume may be counted in K, M or B, a price is not"
    stated = f" with the decimal mark {mark!r}" if mark else ""
    return f"is not a number{stated}"


def _as_float(number: int) -> float:
    """Return the nearest float64, infinite where there is none that large, as for text."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
