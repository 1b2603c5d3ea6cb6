"""Strategy files: YAML text to a checked specification, and the strategy that comes bundled.

YAML is read in a narrow way, because much of it turns a slip into another value. A plain word is
null, true or false (`yes`, `on` and their opposites too), a decimal number, or text: `014` is
neither twelve nor fourteen but text, and so is a date. A key is text, and stands once. Tags,
anchors and aliases are refused: no strategy needs them, and aliases let small files mean huge ones.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Final, cast

import yaml

from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy
from tapetrail.sources.registry import source_rules

SIZE_MAX: Final = 200_000
DEPTH_MAX: Final = 10
BUNDLED: Final = "swing-two-timeframes.yaml"

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "yes", "on"})
_FALSE: Final = frozenset({"false", "no", "off"})
_WHOLE: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})", re.ASCII)
_DECIMAL: Final = re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}\.[0-9]{0,18})", re.ASCII)


class _NarrowLoader(yaml.SafeLoader):
    """A YAML reader that refuses tags, anchors, aliases and deep nesting."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node. Raises `ComposerError` where it is one of those."""
        event = cast("yaml.NodeEvent", self.peek_event())  # pyright: ignore[reportUnknownMemberType] # untyped there
        if event.anchor is not None:
            raise _problem("anchors (&name) and aliases (*name) are not read here", event)
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag:
            raise _problem("tags such as !!int are not read here", event)
        if self._depth == DEPTH_MAX:
            raise _problem(f"nested deeper than {DEPTH_MAX} levels", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _NarrowDumper(yaml.SafeDumper):
    """A YAML writer for the reader above: no aliases, and text never looks like another value."""

    def ignore_aliases(self, data: object) -> bool:
        """Return that everything is written out."""
        del data
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if _plain(text) == text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)  # pyright: ignore[reportUnknownMemberType] # untyped there


_NarrowDumper.add_representer(str, _represent_text)


def read_strategy(path: Path) -> StrategySpec:
    """Return the strategy in the file at `path`.

    Raises `NotFound` when there is no such file, `InvalidInput` when it cannot be read or is not a
    strategy.
    """
    try:
        content = _content(path)
    except FileNotFoundError as error:
        raise NotFound(f"no strategy file {str(path)!r}") from error
    except OSError as error:
        raise InvalidInput(f"strategy {str(path)!r}: cannot be read; {error.strerror}") from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"strategy {str(path)!r}: not UTF-8 at byte {error.start}") from error
    return parse_strategy_text(text, place=str(path))


def bundled_strategy() -> StrategySpec:
    """Return the strategy that the demo runs."""
    text = files("tapetrail").joinpath("strategies", BUNDLED).read_text(encoding="utf-8")
    return parse_strategy_text(text, place=BUNDLED)


def parse_strategy_text(text: str, *, place: str) -> StrategySpec:
    """Return the strategy written as YAML in `text`; `place` names it in messages."""
    try:
        node = yaml.compose(text, Loader=_NarrowLoader)
        content = None if node is None else _value(node)
    except yaml.YAMLError as error:
        raise InvalidInput(f"{place}: {_reason(error)}") from error
    return parse_strategy(content, place=place, sources=source_rules())


def strategy_text(content: Mapping[str, object]) -> str:
    """Return `content` as YAML text that reads back as the same, keys in the order of the rules.

    All of it is ASCII: other signs are written as escapes in quotes.
    """
    known = [*StrategySpec.model_fields]
    order = [*(key for key in known if key in content), *sorted(content.keys() - {*known})]
    ordered = {key: content[key] for key in order}
    return yaml.dump(ordered, Dumper=_NarrowDumper, sort_keys=False, default_flow_style=None)


def _content(path: Path) -> bytes:
    """Return the bytes of a file of bounded size. A device could block or never end."""
    if path.exists() and not path.is_file():
        raise InvalidInput(f"strategy {str(path)!r}: a folder or device, not a file")
    with path.open("rb") as file:
        content = file.read(SIZE_MAX + 1)
    if len(content) > SIZE_MAX:
        raise InvalidInput(f"strategy {str(path)!r}: larger than {SIZE_MAX} bytes")
    return content


def _value(node: yaml.Node) -> object:
    match node:
        case yaml.MappingNode():
            return _mapping(node)
        case yaml.SequenceNode():
            return [_value(item) for item in node.value]
        case yaml.ScalarNode() if node.style is None:
            return _plain(node.value)
        case _:
            return node.value


def _mapping(node: yaml.MappingNode) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _problem("a key is one word, not a list or a mapping", key)
        if key.value in found:
            raise _problem(f"the key {key.value!r} stands here a second time", key)
        found[key.value] = _value(value)
    return found


def _plain(text: str) -> object:
    """Return what a word without quotes means."""
    if text in _NULLS:
        return None
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    if _WHOLE.fullmatch(text):
        return int(text)
    return Decimal(text) if _DECIMAL.fullmatch(text) else text


def _problem(problem: str, at: yaml.Event | yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=cast("yaml.Mark", at.start_mark))


def _reason(error: yaml.YAMLError) -> str:
    """Return in one line what is wrong and where, lines and columns counted from 1."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    said = ", ".join(part for part in (error.context, error.problem) if part)
    return f"line {mark.line + 1}, column {mark.column + 1}: {said}"
