"""One row as people read it: what it comes down to first, then its columns and what hangs on it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from tapetrail.cli.terminal.bar_notes import opinion_notes, snapshot_notes
from tapetrail.cli.terminal.output import Screen, cell, is_list, is_mapping, short_number
from tapetrail.cli.terminal.tables import (
    DECIMALS,
    coloured,
    column_lines,
    paragraph_lines,
    table_lines,
)
from tapetrail.listing import ANALYSES, CHARTS, DECISIONS, EXECUTIONS, SIGNALS, ListSpec, Related
from tapetrail.listing.spec import Numbered
from tapetrail.safe_text import sanitise
from tapetrail.wire import OPEN, Detail

Row = Mapping[str, object]

PRICES: Final = ("entry_price", "stop_loss", "target_price")
RULE: Final = ("rule", "outcome", "points", "weight", "numbers")
LONG: Final = ("prompt_text", "response_text", "response_json", "reasoning", "error_message")
"""Columns that are shown as paragraphs, or counted, not as one line among others."""


def detail_lines(listed: ListSpec[Numbered], detail: Detail, *, screen: Screen) -> Iterator[str]:
    """Yield the lines that show one row whole. `--json` alone has the long texts it only counts."""
    row = detail.columns
    yield coloured(_title(listed, row), "1", screen=screen)
    yield from _gist(listed, detail, screen=screen)
    yield ""
    yield from column_lines({name: row[name] for name in row if name not in LONG} | _counted(row))
    for related in listed.related:
        rows = detail.related.get(related.name, []) if related.is_rare else None
        if rows is None or rows:
            yield ""
            found = detail.related[related.name]
            yield from _related_lines(related, found, screen=screen)


def _title(listed: ListSpec[Numbered], row: Row) -> str:
    """Return the list's title of a row; of `{a or b}` the first column that has a value."""

    def text(match: re.Match[str]) -> str:
        return cell(next(filter(None, map(row.get, match[1].split(" or "))), None))

    return re.sub(r"\{([^}]+)\}", text, listed.title)


def _gist(listed: ListSpec[Numbered], detail: Detail, *, screen: Screen) -> Iterator[str]:
    """Yield what the row comes down to: why it failed, or what was answered and why."""
    match listed.name:
        case EXECUTIONS.name:
            yield from _execution_gist(detail, screen=screen)
        case DECISIONS.name:
            yield from _decision_gist(detail, screen=screen)
            yield from _bars_gist(detail, screen=screen)
            yield from _letters_gist(detail.related["charts"])
            yield from _models_gist(detail, screen=screen)
        case CHARTS.name:
            yield from _bars_gist(detail, screen=screen)
            yield from _letters_gist([detail.columns])
        case ANALYSES.name:
            yield from _text(detail.columns["error_message"], screen=screen)
            yield from _reply_gist(detail.columns, screen=screen)
            yield from _models_gist(detail, screen=screen)
        case SIGNALS.name:
            yield from _signal_gist(detail.columns, detail.related["snapshots"], screen=screen)
        case _:
            pass


def _bars_gist(detail: Detail, *, screen: Screen) -> Iterator[str]:
    opinions = detail.related.get("second_opinions", ())
    for line in (*snapshot_notes(detail.related["snapshots"]), *opinion_notes(opinions)):
        yield "  " + coloured(sanitise(line), "33", screen=screen)


def _letters_gist(charts: Sequence[Row]) -> Iterator[str]:
    """Yield which letters images of these charts could not draw."""
    for letters in dict.fromkeys(chart["escaped_letters"] for chart in charts):
        if letters:
            yield f"  the image writes {cell(letters)} by number, as [U+{ord(str(letters)[0]):04X}]"


def _models_gist(detail: Detail, *, screen: Screen) -> Iterator[str]:
    """Yield what models may remember of that time, and which say that they are another one now."""
    said: dict[str, None] = {}
    for model in detail.related.get("models", ()):
        said[f"model: {cell(model['training_text'])}"] = None
        now, before = model["model_reported"], model["reported_before"]
        if now is not None and before is not None and now != before:
            named, earlier = cell(model["model_name"]), cell(model["before_id"])
            said[f"{named} says it is {cell(now)}; in analysis {earlier} it was {cell(before)}"] = (
                None
            )
    for line in said:
        yield "  " + coloured(line, "33", screen=screen)


def _execution_gist(detail: Detail, *, screen: Screen) -> Iterator[str]:
    yield from _text(detail.columns["error"], screen=screen)
    yield from _open_gist(detail)
    for decision in detail.related["decisions"]:
        yield from _failure(decision, f"{cell(decision['symbol'])}: ", screen=screen)


def _open_gist(detail: Detail) -> Iterator[str]:
    """Yield what of an execution is still to come, and how it goes on where it is stopped."""
    counts = Counter(str(decision["status"]) for decision in detail.related["decisions"])
    still_open = [f"{counts[status]} {status}" for status in OPEN if counts[status]]
    if still_open:
        yield f"  open: {', '.join(still_open)} of {counts.total()}"
        yield from _waits_gist(detail)
    if detail.columns["status"] == "stopped":
        yield f"  to go on: tapetrail executions resume {detail.columns['id']}"


def _waits_gist(detail: Detail) -> Iterator[str]:
    """Yield what open decisions wait for: replies, providers, money."""
    calls = detail.related["calls_in_flight"]
    if calls:
        asked = Counter(f"{cell(each['provider'])}:{cell(each['model_name'])}" for each in calls)
        to = ", ".join(f"{count} to {model}" for model, count in asked.items())
        yield f"  calls without a reply: {to}; the oldest was sent at {cell(calls[0]['sent_at'])}"
    for each in detail.related["providers"]:
        name, until = cell(each["provider"]), each["blocked_until"]
        if until is not None:
            yield f"  {name}: left alone until {cell(until)}; {cell(each['blocked_for'])}"
        if each["next_turn_at"] is not None:
            yield f"  {name}: its rate lets the next call begin at {cell(each['next_turn_at'])}"
        if each["slots_in_use"]:
            yield f"  {name}: calls there now, of all executions: {cell(each['slots_in_use'])}"
    for each in detail.related["budgets"]:
        if each["spent_usd"] or each["reserved_usd"]:
            of = "" if each["limit_usd"] is None else f" of {cell(each['limit_usd'])}"
            held = f"{cell(each['spent_usd'])}{of} USD spent, {cell(each['reserved_usd'])} reserved"
            yield f"  {cell(each['scope'])}: {held}"


def _decision_gist(detail: Detail, *, screen: Screen) -> Iterator[str]:
    yield from _failure(detail.columns, "", screen=screen)
    for signal in detail.related["signals"]:
        role = "" if signal["role"] == "deciding" else f" ({cell(signal['role'])})"
        yield f"  {cell(signal['signal_type'])}{role}"
        yield from _signal_gist(signal, detail.related["snapshots"], screen=screen)
    for strategy in detail.related["strategies"]:
        yield from _strategy_gist(strategy, screen=screen)


def _strategy_gist(strategy: Row, *, screen: Screen) -> Iterator[str]:
    """Yield the strategy of a decision, and its settings as they were completed."""
    spec = strategy["spec"]
    yield f"  strategy {cell(strategy['name'])}@{cell(strategy['version'])}"
    yield from paragraph_lines(_settings(spec) if is_mapping(spec) else "", screen=screen)


def _settings(value: object) -> str:
    """Return settings in a line, those within others in brackets."""
    if is_mapping(value):
        said = (f"{name} {_within(part)}" for name, part in value.items())
        return ", ".join(said)
    if is_list(value):
        return " ".join(map(_within, value))
    return cell(value)


def _within(value: object) -> str:
    return f"({_settings(value)})" if is_mapping(value) or is_list(value) else cell(value)


def _text(text: object, *, screen: Screen) -> Iterator[str]:
    """Yield a paragraph, if there is one."""
    if text:
        yield from paragraph_lines(str(text), screen=screen)


def _failure(decision: Row, name: str, *, screen: Screen) -> Iterator[str]:
    """Yield where and why a decision failed, if it did."""
    if decision["error_message"]:
        where = f"{name}failed in {cell(decision['failed_stage'])}: {cell(decision['error_kind'])}"
        yield "  " + coloured(where, "31", screen=screen)
        yield from _text(decision["error_message"], screen=screen)


def _signal_gist(signal: Row, snapshots: Sequence[Row], *, screen: Screen) -> Iterator[str]:
    names = ("confidence", *PRICES, "risk_reward_ratio")
    said = {name: cell(signal[name], decimals=DECIMALS.get(name)) for name in names}
    said |= {name: _price(signal[name], snapshots) for name in PRICES}
    yield "  " + ", ".join(
        f"{name.replace('_', ' ')} {text}"
        for name, text in said.items()
        if signal[name] is not None
    )
    yield from _text(signal["reasoning"], screen=screen)


def _price(price: object, snapshots: Sequence[Row]) -> str:
    """Return a price, in both units where the bars were quoted in another one than is recorded."""
    for bars in snapshots[:1]:
        unit, currency, factor = (bars[name] for name in ("quoted_in", "currency", "price_factor"))
        if (
            unit not in {None, currency}
            and isinstance(price, Decimal)
            and isinstance(factor, Decimal)
        ):
            return f"{cell(price / factor)} {cell(unit)} ({cell(price)} {cell(currency)})"
    return cell(price)


def _reply_gist(row: Row, *, screen: Screen) -> Iterator[str]:
    """Yield the analyst's reasoning and rules; the raw reply where nothing could be read in it."""
    reply = row["response_json"]
    if not is_mapping(reply):
        if row["response_text"]:
            yield "  the reply as it came:"
            yield from paragraph_lines(str(row["response_text"]), screen=screen)
        return
    yield from _text(reply.get("reasoning"), screen=screen)
    rules = reply.get("rules")
    if is_list(rules) and rules and all(map(is_mapping, rules)):
        yield ""
        yield "rules:"
        yield from table_lines(RULE, [_rule(rule) for rule in rules if is_mapping(rule)],
                               screen=screen)  # fmt: skip


def _rule(rule: Row) -> list[object]:
    numbers = rule.get("numbers")
    shown = (
        ", ".join(f"{sanitise(name)} {short_number(value)}" for name, value in numbers.items())
        if is_mapping(numbers)
        else cell(numbers)
    )
    return [rule.get("name"), *(rule.get(name) for name in RULE[1:-1]), shown]


def _counted(row: Row) -> dict[str, str]:
    """Return how long the texts are that only `--json` shows."""
    texts = {name: row.get(name) for name in ("prompt_text", "response_text")}
    return {
        name: f"{len(text)} characters, whole with --json"
        for name, text in texts.items()
        if isinstance(text, str) and (name == "prompt_text" or row["response_json"])
    }


def _related_lines(related: Related, rows: Sequence[Row], *, screen: Screen) -> Iterator[str]:
    if not rows:
        yield f"{related.name}: none"
        return
    yield f"{related.name}:"
    columns = related.brief
    if related.name == "seals":
        # A digest is there to be copied, so it is never cut.
        for row in rows:
            yield from column_lines({column: row[column] for column in columns})
        return
    yield from table_lines(
        columns, [[row[column] for column in columns] for row in rows], screen=screen
    )
