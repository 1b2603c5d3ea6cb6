"""What stored bytes and other rows state of a row's columns: where to look for a wrong one."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation, localcontext
from typing import Final, cast

from tapetrail.core.canonical import FieldValue, canonical_json
from tapetrail.core.errors import InvalidInput
from tapetrail.core.verification.documents import is_object, items
from tapetrail.core.verification.naming import Known
from tapetrail.core.verification.rows import FoundRow

FILES: Final = {"charts": "spec_digest", "market_snapshots": "bars_digest"}
"""By table: the column that names the bytes which state its figures."""
_BARS_HEAD: Final = 2
_MEMBER: Final = re.compile(r"([a-z_]+)=(\S+)")
_SIGNAL_PRICES: Final = ("confidence", "entry_price", "stop_loss", "target_price")
_SIGNAL_WORDS: Final = ("signal_type", "trend", "entry_type", "reasoning")
_LISTS: Final = ("support_levels", "resistance_levels", "key_patterns")


def stated_by(row: FoundRow, known: Known, content: bytes | None) -> Mapping[str, object]:
    """Return what is stated of a row, by column. `content` are the bytes that `FILES` names.

    What may be meant by a column, but is not said to be, goes into `known`.
    """
    match row.table:
        case "charts" if content is not None:
            return _by_spec(content, known)
        case "market_snapshots" if content is not None:
            return _by_bars(content)
        case "trading_signals":
            return _by_reply(row, known)
        case "llm_analyses":
            return _by_text(row, known)
        case _:
            return {}


def _by_spec(content: bytes, known: Known) -> Mapping[str, object]:
    """Return what the document of every drawn value says of its chart."""
    try:
        spec: object = json.loads(content, parse_float=Decimal, parse_int=Decimal)
    except ValueError:
        return {}
    if not is_object(spec):
        return {}
    days, closes = items(spec.get("days")), items(spec.get("close"))
    for day in (*days[:1], *days[-1:]):
        known.add_value(_day(day))
    stated: dict[str, object] = {
        "timeframe": spec.get("timeframe"),
        "symbol": spec.get("symbol"),
        "chart_style": spec.get("style"),
        "data_points": len(days),
    }
    return {**stated, "price_current": closes[-1]} if closes else stated


def _by_bars(content: bytes) -> Mapping[str, object]:
    """Return what the canonical text of bars says of its snapshot."""
    lines = content.decode("utf-8", "replace").splitlines()
    stated: dict[str, object] = dict(_MEMBER.findall(lines[0])) if lines else {}
    bars = lines[_BARS_HEAD:]
    if not bars:
        return stated
    first, last = (bar.split(",")[0].split("..") for bar in (bars[0], bars[-1]))
    return {
        **stated,
        "bar_count": len(bars),
        "session_first": _day(first[0]),
        "session_last": _day(last[-1]),
        "last_bar_complete": bars[-1].endswith(",1"),
    }


def _by_reply(row: FoundRow, known: Known) -> Mapping[str, object]:
    """Return what the reply that fits a signal best says of it, and the ratio of its prices."""
    found: list[dict[str, object]] = []
    for reply in known.documents_of("response_json"):
        if is_object(reply) and "signal_type" in reply:
            words = {name: reply.get(name) for name in _SIGNAL_WORDS}
            prices = {name: _number(reply.get(name)) for name in _SIGNAL_PRICES}
            found.append({**words, **prices, "risk_reward_ratio": _ratio(prices)})
    if not found:
        return {}
    return max(
        found, key=lambda each: sum(row.columns[name] == value for name, value in each.items())
    )


def _by_text(row: FoundRow, known: Known) -> Mapping[str, object]:
    """Return what a reply's text says of its analysis, and let its text be known from the rest."""
    with suppress(InvalidInput):
        document = cast("FieldValue", row.columns["response_json"])
        known.add_value(canonical_json(document).decode())
    try:
        reply: object = json.loads(str(row.columns["response_text"]), parse_float=Decimal)
    except ValueError:
        return {}
    if not is_object(reply):
        return {}
    known.add_value(reply)
    known.documents_of("response_json").append(reply)
    for name in _LISTS:
        known.documents_of(name).append(reply.get(name))
    return {
        "confidence_score": _number(reply.get("confidence")),
        "trend_direction": reply.get("trend"),
    }


def _ratio(prices: Mapping[str, Decimal | None]) -> Decimal | None:
    """Return reward to risk as a signal states it, where its prices have one."""
    entry, stop, target = (prices[name] for name in _SIGNAL_PRICES[1:])
    if entry is None or stop is None or target is None or entry == stop:
        return None
    with localcontext() as context, suppress(InvalidOperation):
        context.prec = 60
        return (abs(target - entry) / abs(entry - stop)).quantize(Decimal("0.000001"))
    return None


def _number(value: object) -> Decimal | None:
    try:
        return Decimal(str(value)) if value is not None else None
    except InvalidOperation:
        return None


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None
