"""The picture that travels: a chart redrawn in the size that its reader sees as it is.

A size is drawn once a process from the recorded spec, and stored under its digest before it is
sent.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Final, TypeAlias

from tapetrail.analysts.protocol import ModelAnalyst
from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.analysis.questions import ChartEvidence, Question
from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.market.bars import Timeframe
from tapetrail.persistence import JPEG, keep_object
from tapetrail.render.jpeg import render_jpeg
from tapetrail.render.look import HEIGHT, WIDTH
from tapetrail.render.page import render_page
from tapetrail.store.appends import BlobRow
from tapetrail.workflows.ask import Asked

KEPT_MAX: Final = 256
"""Images kept in memory between a question about a chart and the one about all of them."""
Size: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class Gallery:
    """The images of a process, by the chart's own image and the size."""

    rows: dict[tuple[Digest, Size], BlobRow] = field(
        default_factory=dict[tuple[Digest, Size], BlobRow]
    )
    drawn: OrderedDict[tuple[Digest, Size], bytes] = field(
        default_factory=OrderedDict[tuple[Digest, Size], bytes]
    )
    lock: Lock = field(default_factory=Lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """What charts look like to who is asked; drawing happens in a `slot` for CPU work."""

    blobs: BlobStore
    gallery: Gallery
    slot: Callable[[], AbstractContextManager[None]] = nullcontext

    def question(self, asked: Asked, *, refused: str | None) -> Question:
        """Return the question as it is put: with the images that travel, and what was wrong."""
        analyst, question = asked.named.model, replace(asked.question, refused=refused)
        if analyst is None or not _has_images(analyst, question):
            return question
        charts = tuple(self._as_seen(chart, analyst) for chart in question.charts)
        return replace(question, charts=charts)

    def shown(self, asked: Asked) -> Mapping[Timeframe, BlobRow | None]:
        """Return, by chart, the stored image that travels instead of its own, None for none."""
        analyst = asked.named.model
        if analyst is None:
            return {}
        charts = asked.question.charts
        if not _has_images(analyst, asked.question):
            return {chart.timeframe: None for chart in charts}
        sizes = {chart.timeframe: (chart, _other_size(analyst)) for chart in charts}
        return {
            timeframe: self._row(chart, size) for timeframe, (chart, size) in sizes.items() if size
        }

    def _as_seen(self, chart: ChartEvidence, analyst: ModelAnalyst) -> ChartEvidence:
        size = _other_size(analyst)
        return chart if size is None else replace(chart, image=self._drawn(chart, size))

    def _row(self, chart: ChartEvidence, size: Size) -> BlobRow:
        key = (digest_bytes(chart.image), size)
        if key not in self.gallery.rows:
            self._drawn(chart, size)
        return self.gallery.rows[key]

    def _drawn(self, chart: ChartEvidence, size: Size) -> bytes:
        key, gallery = (digest_bytes(chart.image), size), self.gallery
        with gallery.lock:
            found = gallery.drawn.get(key)
        if found is not None:
            return found
        with self.slot():
            found = render_jpeg(render_page(chart.spec), size=size)
        row = keep_object(self.blobs, found, media_type=JPEG)
        with gallery.lock:
            gallery.rows[key], gallery.drawn[key] = row, found
            while len(gallery.drawn) > KEPT_MAX:
                gallery.drawn.popitem(last=False)
        return found


def _has_images(analyst: ModelAnalyst, question: Question) -> bool:
    return analyst.asked_as(question).params.get("image") is not False


def _other_size(analyst: ModelAnalyst) -> Size | None:
    """Return the size to draw in, None where the chart's own image travels."""
    size = analyst.image_size(WIDTH, HEIGHT)
    return None if size == (WIDTH, HEIGHT) else size
