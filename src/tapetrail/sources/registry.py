"""The source that a strategy names, opened: the bundled sample, files, or a frame handed over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.core.strategy.strategies import FILE, FRAME, StrategySpec, nearest
from tapetrail.sources import Source
from tapetrail.sources.sample import SampleSource
from tapetrail.sources.tabular.datasets import DatasetSpec
from tapetrail.sources.tabular.files import FileSource, FrameSource
from tapetrail.sources.tabular.normaliser import DataConventions

SAMPLE: Final = "sample"
FOLDER_KEY: Final = "folder"
FRAME_KEY: Final = "frame"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOpener:
    """Opens sources.

    `read_frame` returns the stored frame with a digest, `in_memory` is one that was not stored yet.
    """

    read_frame: Callable[[str], bytes]
    in_memory: FrameSource | None = None

    def __call__(self, spec: StrategySpec, config: Mapping[str, str]) -> Source:
        """Return the source that `spec` names.

        `config` is the execution's: `folder` is where relative paths begin, `frame` the digest of
        the frame. Raises `NotFound` for an unknown name, naming the nearest, and `InvalidInput`
        for a path that is none and for a frame that nobody handed over.
        """
        if spec.source == SAMPLE:
            return _sample()
        if spec.data is None:
            near = nearest(spec.source, (SAMPLE, FRAME))
            known = f"did you mean {near}?" if near else f"known: {SAMPLE}, {FILE}PATH, {FRAME}"
            raise NotFound(f"no source {spec.source!r}; {known}")
        dataset = dataset_of(spec)
        if spec.source.startswith(FILE):
            folder = Path(config.get(FOLDER_KEY, ""))
            return FileSource.parse(spec.source, folder=folder, dataset=dataset)
        if self.in_memory is not None:
            return self.in_memory
        if FRAME_KEY not in config:
            raise InvalidInput(
                f"source {FRAME}: a Python program hands over its bars; a strategy file names"
                f" {FILE}PATH"
            )
        return FrameSource.load(self.read_frame(config[FRAME_KEY]), dataset=dataset)


def dataset_of(spec: StrategySpec) -> DatasetSpec:
    """Return what a strategy says about bars of the user's own.

    The symbol of a strategy with one instrument names bars that name no symbol themselves. Raises
    `InvalidInput` for a strategy that says nothing.
    """
    data = spec.data
    if data is None:
        raise InvalidInput(f"source {spec.source}: the strategy has no 'data'")
    only = spec.instruments[0].symbol if len(spec.instruments) == 1 else None
    return DatasetSpec(
        exchange=data.exchange,
        currency=data.currency,
        calendar=data.calendar,
        symbol=data.symbol or only,
        asset_class=data.asset_class,
        conventions=DataConventions(
            adjustment=data.adjustment,
            zone=data.zone,
            quoted_in=data.quoted_in,
            volume_unit=data.volume_unit,
            missing_prices=data.missing_prices,
            utc_midnights=data.utc_midnights,
        ),
        splits=data.splits_by_symbol(),
    )


@cache
def _sample() -> SampleSource:
    return SampleSource()
