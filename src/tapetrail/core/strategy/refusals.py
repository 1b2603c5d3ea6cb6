"""What is wrong with a strategy, in words: the key, the value, the rule, and what may be meant."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tapetrail.core.strategy.analysts import EACH

Keys: TypeAlias = Mapping[str, str]
"""Keys by name, each with what it takes."""
_PROBLEMS_SHOWN: Final = 5
_SHOWN_MAX: Final = 60


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` most likely meant, or None when nothing is near."""
    names = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return names[found[0]] if found else None


def explain(error: ValidationError, keys: Keys, *, parts: Mapping[str, Keys]) -> str:
    """Return what is wrong with a strategy: each key, value and rule, the first of them.

    `keys` are those of a strategy with what each takes, `parts` those of its parts by name.
    """
    details = error.errors(include_url=False, include_context=False)
    # What may be one of two types is refused by both, in the same words.
    every = list(dict.fromkeys(_explain_one(detail, keys, parts) for detail in details))
    said = every[:_PROBLEMS_SHOWN]
    more = len(every) - len(said)
    return "; ".join([*said, f"and {more} more"] if more else said)


def _explain_one(detail: ErrorDetails, keys: Keys, parts: Mapping[str, Keys]) -> str:
    location = _place(tuple(map(str, detail["loc"])), is_missing=detail["type"] == "missing")
    path, expected = _field_at(location, keys, parts)
    match detail["type"]:
        case "extra_forbidden" | "invalid_key":
            return f"unknown key {'.'.join(location)!r}{_suggestion(location, keys, parts)}"
        case "missing" if path == ".".join(location):
            return f"the key {path!r} is missing"
        case "value_error":
            said = detail["msg"].removeprefix("Value error, ")
            return f"{path}: {said}" if path else said
        case _:
            return f"{path}: expected {expected}, found {shown(detail['input'])}"


def _place(location: tuple[str, ...], *, is_missing: bool) -> tuple[str, ...]:
    """Return a place in a file.

    Who answers every question is refused as who answers each, and a bare name by its own key.
    """
    if location[:1] == ("analyst",):
        last = location[-1:] if is_missing else ()
        within = location[: len(location) - len(last)]
        location = (*(w for w in within if not w.isdigit() and w not in EACH), *last)
    is_bare = location[:1] in {("analyst",), ("shadows",)} and location[-1] == "analyst"
    return location[:1] if is_bare and not is_missing else location


def _field_at(location: Sequence[str], keys: Keys, parts: Mapping[str, Keys]) -> tuple[str, str]:
    """Return the innermost known key on the way to `location`, and what is expected there.

    A place inside a list belongs to the key that holds the list.
    """
    known, depth, expected = keys, 0, ""
    for at, word in enumerate(location, start=1):
        if word in known:
            depth, expected = at, known[word]
            known = parts.get(word, {})
    return ".".join(location[:depth]), expected


def _suggestion(location: Sequence[str], keys: Keys, parts: Mapping[str, Keys]) -> str:
    """Return what an unknown key may have meant: a key that stands elsewhere, or the nearest."""
    name = location[-1]
    homes = [f"{home}.{name}" for home, keys in parts.items() if name in keys]
    if homes:
        return f", did you mean {' or '.join(map(repr, homes))}?"
    candidates = sorted(next((parts[w] for w in location[-2::-1] if w in parts), keys))
    near = nearest(name, candidates)
    return f", did you mean {near!r}?" if near else f"; known: {', '.join(candidates)}"


def shown(value: object) -> str:
    """Return a value as YAML would write it, cut where it is long."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case Mapping():
            return "a mapping"
        case list() | tuple():
            items = [shown(item) for item in value[:_PROBLEMS_SHOWN]]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # any content
            text = f"[{', '.join(items)}]"
        case int() | float() | Decimal():
            text = str(value)
        case str():
            text = repr(value[: _SHOWN_MAX + 1])
        case _:
            return f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."
