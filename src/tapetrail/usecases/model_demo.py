"""The demo with a model: a few decisions on the newest dates, and what they can cost at most.

That most is the budget of their executions, so nothing beyond it is ever sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Final

from tapetrail.analysts.models.token_bounds import ImageSize
from tapetrail.core.records.states import RunType
from tapetrail.core.strategy.parts import Budget
from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy, spec_document
from tapetrail.render.look import HEIGHT, WIDTH
from tapetrail.usecases.planning import Planner, RunQuery

if TYPE_CHECKING:
    from tapetrail.analysts.models.analyst import EndpointModel

NAME: Final = "demo-with-a-model"
TEXT_BYTES: Final = 6_000
"""What a question about one chart of the demo holds at most beside the image."""
TEXT_BYTES_OF_ALL: Final = 16_000
"""The same of the question about all charts, with the answers about each as they usually are."""
SHORT_TOKENS: Final = 1_000
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What calls can take, each made once: `tokens_read` about, the others at most.

    `usd_if_short` is what it comes to if no answer takes more than `SHORT_TOKENS`.
    """

    calls: int
    tokens_read: int
    tokens_written: int
    usd: Decimal
    usd_if_short: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDemo:
    """The runs of a demo with a model, and what they can take at most, which is their budget.

    `is_local` says that the model is on this machine, where nothing costs anything by rule.
    """

    queries: Sequence[RunQuery]
    decisions: int
    bound: Bound
    is_local: bool


def model_demo(
    planner: Planner,
    bundled: StrategySpec,
    analyst: Mapping[str, str],
    *,
    decisions: int,
    at: datetime,
) -> ModelDemo:
    """Return what asks a model about the bundled strategy's instruments, the newest dates first.

    `analyst` is what a strategy file would say. Raises `InvalidInput` for one that is no model,
    cannot be asked so, or whose price nobody knows at the instant `at`.
    """
    content = {**spec_document(bundled), "name": NAME, "analyst": dict(analyst)}
    spec = parse_strategy(content, place="demo")
    (stated,) = spec.analysts
    model = planner.model(stated)
    model.check()
    each = _of_a_decision(model, charts=len(spec.drawn), at=at)
    parts = [*_days(spec, planner.demo_dates(bundled), decisions)]
    costs = {count: (each.usd * count).quantize(_CENT, ROUND_CEILING)
             for count in {len(symbols) for _, symbols in parts}}  # fmt: skip
    total = sum((costs[len(symbols)] for _, symbols in parts), Decimal(0))
    day_usd = max(total, Budget().day_usd)
    versions = {
        count: parse_strategy(
            {**content, "budget": {"execution_usd": usd, "day_usd": day_usd}}, place="demo"
        )
        for count, usd in costs.items()
    }
    return ModelDemo(
        queries=[
            RunQuery(spec=versions[len(symbols)], symbols=symbols, as_of_on=day,
                     run_type=RunType.BACKFILL)
            for day, symbols in parts
        ],
        decisions=decisions,
        bound=Bound(
            calls=each.calls * decisions,
            tokens_read=each.tokens_read * decisions,
            tokens_written=each.tokens_written * decisions,
            usd=total,
            usd_if_short=(each.usd_if_short * decisions).quantize(_CENT, ROUND_CEILING),
        ),
        is_local=model.is_local(),
    )  # fmt: skip


def _days(
    spec: StrategySpec, dates: Sequence[date], decisions: int
) -> Iterator[tuple[date, list[str]]]:
    """Yield days with the symbols to decide on, the newest first, until there are enough."""
    symbols = [name.symbol for name in spec.instruments]
    for place, day in enumerate(reversed(dates)):
        wanted = symbols[: max(decisions - place * len(symbols), 0)]
        if wanted:
            yield day, wanted


def _of_a_decision(model: "EndpointModel", *, charts: int, at: datetime) -> Bound:
    """Return what one decision can take: a question a chart, and one about all of them."""
    size = model.image_size(WIDTH, HEIGHT)
    images = [] if size is None else [ImageSize(width=size[0], height=size[1])]
    asked = [*[(TEXT_BYTES, images)] * charts, (TEXT_BYTES_OF_ALL, images * charts)]
    demands = [model.most(text_bytes=text, images=shown, at=at) for text, shown in asked]
    short = [
        model.most(text_bytes=text, images=shown, at=at, output_tokens=SHORT_TOKENS)
        for text, shown in asked
    ]
    written = model.spec.params.max_output_tokens * len(asked)
    return Bound(
        calls=len(asked),
        tokens_read=sum(demand.tokens for demand in demands) - written,
        tokens_written=written,
        usd=sum((demand.usd_max for demand in demands), Decimal(0)),
        usd_if_short=sum((demand.usd_max for demand in short), Decimal(0)),
    )
