"""Tables for people: aligned columns, cut to a terminal's width, whole in a pipe."""

import textwrap
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from tapetrail.cli.terminal.output import Screen, cell
from tapetrail.safe_text import sanitise_lines

HEADINGS: Final = {
    "execution_id": "execution",
    "decision_id": "decision",
    "chart_id": "chart",
    "strategy_version": "version",
    "run_no": "run",
    "signal_type": "signal",
    "confidence_score": "confidence",
    "trend_direction": "trend",
    "entry_price": "entry",
    "stop_loss": "stop",
    "target_price": "target",
    "risk_reward_ratio": "reward/risk",
    "error_kind": "error",
    "start_date": "from",
    "end_date": "to",
    "data_points": "bars",
    "bar_count": "bars",
    "price_current": "price",
    "price_change_pct": "change %",
    "latency_ms": "ms",
    "latency_ms_p50": "ms p50",
    "latency_ms_p95": "ms p95",
    "cost_usd": "USD",
    "usd_per_decision": "USD/decision",
    "usd_per_signal": "USD/signal",
    "on_their_side": "on their side",
    "re_asks": "re-asks",
    "session_first": "from",
    "session_last": "to",
    "missing_sessions": "missing",
    "age_sessions": "age",
    "first_run_at": "first run",
    "spec_digest": "digest",
    "body_digest": "digest",
    "is_shipped": "shipped",
    "from_status": "from",
    "to_status": "to",
    "strategy_line": "in a strategy",
}
"""What a column is called over a table, where its own name is longer than what stands below it."""
DECIMALS: Final = {
    "price_change_pct": 2,
    "risk_reward_ratio": 2,
    "volume_avg": 0,
    "latency_ms_p50": 0,
    "latency_ms_p95": 0,
}
"""Digits after the point of figures that were computed; prices are shown as recorded."""
COLOURS: Final = {
    "BUY": "32",
    "SELL": "31",
    "HOLD": "33",
    "failed": "31",
    "completed_with_errors": "31",
    "refused": "31",
    "unparseable": "31",
    "budget_exceeded": "31",
    "cancelled": "33",
}
COLOURED: Final = frozenset({"signal_type", "status", "to_status"})
CUT_WIDTH_MIN: Final = 10
GAP: Final = "  "


def table_lines(
    names: Sequence[str], rows: Sequence[Sequence[object]], *, screen: Screen
) -> Iterator[str]:
    """Yield a table's lines, headings first.

    Where the screen has a width, the widest columns of text are cut until the table fits. Numbers,
    dates and times are never cut: half of one is another one.
    """
    headings = [HEADINGS.get(name, name) for name in names]
    texts = [
        [
            cell(value, decimals=DECIMALS.get(name), zone=screen.zone)
            for name, value in zip(names, row, strict=True)
        ]
        for row in rows
    ]
    is_number = [all(map(_is_number, column)) for column in zip(*rows, strict=True)]
    widths = [max(map(width_of, column)) for column in zip(headings, *texts, strict=True)]
    if screen.width is not None:
        is_text = [all(map(_is_text, column)) for column in zip(*rows, strict=True)]
        widths = _narrowed(widths, is_text, screen.width)
    yield coloured(_line(headings, widths, is_number), "1", screen=screen)
    for row in texts:
        padded = _padded(row, widths, is_number)
        shown = [
            coloured(whole, COLOURS.get(text, ""), screen=screen) if name in COLOURED else whole
            for name, text, whole in zip(names, row, padded, strict=True)
        ]
        yield GAP.join(shown).rstrip()


def column_lines(columns: Mapping[str, object]) -> Iterator[str]:
    """Yield one row as `name  value` lines; what does not exist or is empty is left out."""
    shown = {
        name: text
        for name, value in columns.items()
        if value is not None and (text := cell(value, decimals=DECIMALS.get(name)))
    }
    width = max(map(len, shown), default=0)
    for name, text in shown.items():
        yield f"{name:<{width}}  {text}"


def paragraph_lines(text: str, *, screen: Screen) -> Iterator[str]:
    """Yield a text's lines, indented, wrapped where the screen has a width."""
    for line in sanitise_lines(text):
        if screen.width is None:
            yield f"  {line}".rstrip()
        else:
            room = max(screen.width - 2, CUT_WIDTH_MIN)
            yield from (f"  {part}" for part in textwrap.wrap(line, room) or [""])


def coloured(text: str, colour: str, *, screen: Screen) -> str:
    """Return `text` in one of the terminal's own colours, if it shows any."""
    return f"\x1b[{colour}m{text}\x1b[0m" if colour and screen.is_coloured else text


def width_of(text: str) -> int:
    """Return how many cells of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(bool(unicodedata.combining(sign)) for sign in text)


def _narrowed(widths: Sequence[int], is_text: Sequence[bool], room: int) -> list[int]:
    """Return the widths with the widest columns of text cut until all fit, if they can."""
    narrowed = list(widths)
    while sum(narrowed) + len(GAP) * (len(narrowed) - 1) > room:
        wide = [
            (width, position)
            for position, (width, text) in enumerate(zip(narrowed, is_text, strict=True))
            if text and width > CUT_WIDTH_MIN
        ]
        if not wide:
            return narrowed
        narrowed[max(wide)[1]] -= 1
    return narrowed


def _line(texts: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> str:
    return GAP.join(_padded(texts, widths, is_number)).rstrip()


def _padded(texts: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> list[str]:
    padded: list[str] = []
    for text, width, number in zip(texts, widths, is_number, strict=True):
        kept = _cut(text, width)
        gap = " " * (width - width_of(kept))
        padded.append(gap + kept if number else kept + gap)
    return padded


def _cut(text: str, width: int) -> str:
    if width_of(text) <= width:
        return text
    kept = text[: width - 1]
    while width_of(kept) > width - 1:
        kept = kept[:-1]
    return kept + "…"


_NUMBERS: Final = (int, float, Decimal)


def _is_number(value: object) -> bool:
    return value is None or (not isinstance(value, bool | str) and isinstance(value, _NUMBERS))


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)
