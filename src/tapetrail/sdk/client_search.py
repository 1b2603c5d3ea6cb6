"""Which HTTP clients an SDK's client or a chain's model sends with: they lie inside it."""

import sys
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, cast

from tapetrail.sdk.hook import LIBRARIES

if TYPE_CHECKING:
    from tapetrail.sdk.http_shapes import Library

_LAZY: Final = ("_client", "_async_client", "root_client", "root_async_client")
"""Where models of LangChain make their clients when they are first asked for."""
_LEVELS_MAX: Final = 6
_OBJECTS_MAX: Final = 5000
_PLAIN: Final = (str, bytes, int, float, bool, type(None), type)


def http_clients(holder: object, *, makes: tuple[str, ...] = ()) -> list[object]:
    """Return the HTTP clients in an object, itself among them.

    `makes` are attributes that are asked for also where nothing lies under them yet.
    """
    kinds = _kinds()
    return [each for each in _objects(holder, makes) if isinstance(each, kinds)]


def made_clients(holder: object) -> list[object]:
    """Return the HTTP clients in an object, those too that it makes when it first needs them."""
    return http_clients(holder, makes=_LAZY)


def _kinds() -> tuple[type[object], ...]:
    loaded = [cast("object", sys.modules[name]) for name in LIBRARIES if name in sys.modules]
    libraries = [cast("Library", each) for each in loaded]
    return tuple(kind for each in libraries for kind in (each.Client, each.AsyncClient))


def _objects(holder: object, makes: tuple[str, ...]) -> Iterator[object]:
    """Return an object and what lies in it, the nearest first, each once."""
    kinds, seen = _kinds(), {id(holder)}
    waiting = deque([(holder, 0)])
    while waiting and len(seen) < _OBJECTS_MAX:
        current, level = waiting.popleft()
        yield current
        if level == _LEVELS_MAX or isinstance(current, kinds):
            continue
        for each in _members(current, makes):
            if id(each) not in seen and not isinstance(each, _PLAIN):
                seen.add(id(each))
                waiting.append((each, level + 1))


def _members(holder: object, makes: tuple[str, ...]) -> list[object]:
    if isinstance(holder, dict):
        return list(cast("dict[object, object]", holder).values())
    if isinstance(holder, list | tuple):
        return list(cast("list[object]", holder))
    named = getattr(holder, "__dict__", {})
    found = list(cast("dict[str, object]", named).values()) if isinstance(named, dict) else []
    return [*found, *(made for name in makes if (made := _made(holder, name)) is not None)]


def _made(holder: object, name: str) -> object:
    if not hasattr(type(holder), name):
        return None
    try:
        return cast("object", getattr(holder, name))
    except Exception:  # noqa: BLE001 # what cannot be made now, as without a key, is not there
        return None
