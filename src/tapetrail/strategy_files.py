"""Strategy files: YAML text to a checked specification, and the strategy that comes bundled."""

from collections.abc import Hashable
from importlib.resources import files
from pathlib import Path
from typing import Final

import yaml

from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.core.strategies import StrategySpec, parse_strategy

SIZE_MAX: Final = 1_000_000
BUNDLED: Final = "swing-two-timeframes.yaml"


class _OnceLoader(yaml.SafeLoader):
    """A safe YAML reader that refuses a key given twice instead of keeping the last."""


def _construct_mapping(loader: _OnceLoader, node: yaml.MappingNode) -> dict[Hashable, object]:
    keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    for position, (key, _) in enumerate(node.value):
        if isinstance(key, yaml.ScalarNode) and key.value in keys[:position]:
            problem = f"the key {key.value!r} stands here a second time"
            raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
    return loader.construct_mapping(node, deep=True)


_OnceLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)


def read_strategy(path: Path) -> StrategySpec:
    """Return the strategy in the file at `path`.

    Raises `NotFound` when there is no such file, `InvalidInput` when it is not a strategy.
    """
    if not path.exists():
        raise NotFound(f"no strategy file {str(path)!r}")
    if not path.is_file():
        raise InvalidInput(f"strategy {str(path)!r}: a folder or device, not a file")
    if path.stat().st_size > SIZE_MAX:
        raise InvalidInput(f"strategy {str(path)!r}: larger than {SIZE_MAX} bytes")
    try:
        text = path.read_bytes().decode("utf-8")
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
        content: object = yaml.load(text, Loader=_OnceLoader)  # noqa: S506 # a SafeLoader with one more check
    except yaml.YAMLError as error:
        raise InvalidInput(f"{place}: {' '.join(str(error).split())}") from error
    return parse_strategy(content, place=place)
