"""What is known of a model before it is asked: its key, its address, its picture, its price."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tapetrail.analysts.models.analyst import EndpointModel
from tapetrail.analysts.models.endpoints import endpoint
from tapetrail.analysts.models.pricing import PricedCall, UnitPrices, price_of
from tapetrail.core.analysis.cutoffs import READ_ON, cutoff
from tapetrail.core.analysis.image_limits import drawing_size, image_limit
from tapetrail.core.canonical import decimal_text
from tapetrail.core.errors import InvalidInput

NONE_NEEDED: Final = "none is needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known of a model, in words; `problem` is why it cannot be asked, None if it can."""

    analyst: str
    problem: str | None = None
    key: str | None = None
    base_url: str | None = None
    picture: str | None = None
    price: str | None = None
    is_priced: bool = False
    trained_until: str | None = None


def facts_of(model: EndpointModel, *, size: tuple[int, int], at: datetime) -> ModelFacts:
    """Return what is known of a model; `size` is that of a chart, `at` the instant of the price."""
    try:
        model.check()
        base_url, key = model.base_url(), model.key_name()
    except InvalidInput as error:
        return ModelFacts(analyst=model.spec.name, problem=error.message)
    priced = price_of(
        PricedCall(
            endpoint=endpoint(model.family, base_url),
            model_asked=model.model,
            input_tokens=0,
            at=at,
            tier=model.spec.tier,
            stated=model.spec.price,
        )
    )
    return ModelFacts(
        analyst=model.spec.name,
        key=key or NONE_NEEDED,
        base_url=base_url,
        picture=_picture(model, size),
        price=_price(priced) if isinstance(priced, UnitPrices) else priced.reason,
        is_priced=isinstance(priced, UnitPrices),
        trained_until=_trained(model.model),
    )


def _picture(model: EndpointModel, size: tuple[int, int]) -> str:
    if not model.spec.image:
        return "none is sent"
    limit = image_limit(model.model)
    if limit is None:
        return f"{size[0]} x {size[1]}; no limit is known"
    if model.spec.image_fit == "native":
        return f"{size[0]} x {size[1]}, as it is"
    width, height = drawing_size(model.model, *size)
    return f"{width} x {height}, which it sees as it is ({limit.source})"


def _price(prices: UnitPrices) -> str:
    rates = prices.rates
    said = f"input {decimal_text(rates.input)}, output {decimal_text(rates.output)}"
    return f"{said} USD a million tokens ({prices.source})"


def _trained(model: str) -> str:
    found = cutoff(model)
    if found is None:
        return f"not known ({READ_ON})"
    until = found.trained or found.known
    return f"{until:%Y-%m} ({found.source})"
