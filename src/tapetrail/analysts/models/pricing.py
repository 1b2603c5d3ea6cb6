"""What a call costs: prices that hold at its instant, by the tier that was served.

In this order: what a strategy states, 0 on this machine, our own table, the list of genai-prices by
the reported model and then by the asked one. What none of them knows is unknown, and says which
key to write; nothing is guessed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Final

from tapetrail.analysts.models import price_table
from tapetrail.analysts.models.endpoints import Endpoint
from tapetrail.analysts.models.listed_names import is_named
from tapetrail.analysts.models.price_table import STANDARD, Rates
from tapetrail.analysts.models.usage import Usage
from tapetrail.core.analysis.model_names import is_model
from tapetrail.core.canonical import FieldValue, decimal_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.strategy.analysts import StatedPrice

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

STATED: Final = "stated"
LOCAL: Final = "local"
_DIGITS: Final = 80
_PER_TOKENS: Final = 6
"""Prices are per 10 to this power of tokens."""
_KEYS: Final = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_5m": "cache_write_5m_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "image": "input_image_mtok",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedCall:
    """What decides the price of one call.

    `tier` and `region` are as served, in the provider's words; before the reply is there `tier` is
    the one that is asked for. `input_tokens` is all that is read: some models cost more above a
    number of them.
    """

    endpoint: Endpoint
    model_asked: str
    input_tokens: int
    at: datetime
    model_reported: str | None = None
    tier: str | None = None
    region: str | None = None
    stated: StatedPrice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPrices:
    """What each kind of token costs in one call, and who says so.

    `source` is `stated`, `local`, `own table DATE` or `genai-prices VERSION`; `model` is the one
    that was priced.
    """

    rates: Rates
    source: str
    model: str
    tier: str = STANDARD
    region: str | None = None

    def as_json(self) -> dict[str, FieldValue]:
        """Return them as they are stored: prices by kind as decimal text."""
        said: dict[str, FieldValue] = {
            "model": self.model,
            "source": self.source,
            "tier": self.tier,
            "usd_per_million": {
                name: decimal_text(price) for name, price in self.rates.known().items()
            },
        }
        return {**said, "region": self.region} if self.region else said


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownPrice:
    """Why nobody says what a call costs, and how to."""

    reason: str


def price_of(call: PricedCall) -> UnitPrices | UnknownPrice:
    """Return what a call's tokens cost at its instant, or why that is not known."""
    if call.stated is not None:
        return UnitPrices(
            rates=_as_stated(call.stated), source=STATED, model=call.model_asked, tier=_tier(call)
        )
    if call.endpoint.is_local:
        free = _as_stated(StatedPrice(input=Decimal(0), output=Decimal(0)))
        return UnitPrices(rates=free, source=LOCAL, model=call.model_asked)
    if not call.endpoint.is_own:
        return _unknown(call, f"no list of prices holds at {call.endpoint.host}")
    found = next(_listed(call), None)
    if found is None:
        return _unknown(call, f"neither our table nor genai-prices has it at {call.at:%Y-%m-%d}")
    return found if isinstance(found, UnknownPrice) else _in_region(call, found)


def cost_usd(usage: Usage, prices: UnitPrices) -> Decimal:
    """Return what these tokens cost in US dollars, exactly.

    Raises `InvalidInput` (`unknown_price`) for a kind that has tokens and no price.
    """
    counts, rates = _billed(usage, prices), prices.rates.known()
    for name, count in counts.items():
        if count and name not in rates:
            raise InvalidInput(
                f"{count} tokens {name} of {prices.model}: {prices.source} has no price for them",
                kind=ErrorKind.UNKNOWN_PRICE,
            )
    with localcontext(prec=_DIGITS):
        total = sum((rates[name] * count for name, count in counts.items() if count), Decimal(0))
        return total.scaleb(-_PER_TOKENS)


def ceiling_usd(call: PricedCall, *, output_tokens_max: int) -> Decimal:
    """Return what a call can cost at most: in its tier or the standard one, in whichever region.

    Every token read is taken at the highest price of any kind. Raises `InvalidInput`
    (`unknown_price`) for a price that is not known: what has no price fits no budget.
    """
    regions = [
        each.region
        for each in price_table.REGION_FACTORS
        if each.provider == call.endpoint.provider
    ]
    with localcontext(prec=_DIGITS):
        return max(
            _ceiling(
                known_price(replace(call, tier=tier, region=region)),
                call.input_tokens,
                output_tokens_max,
            )
            for tier in (call.tier, None)
            for region in (None, *regions)
        )


def known_price(call: PricedCall) -> UnitPrices:
    """Return what a call's tokens cost. Raises `InvalidInput` (`unknown_price`) with the way on."""
    found = price_of(call)
    if isinstance(found, UnknownPrice):
        raise InvalidInput(found.reason, kind=ErrorKind.UNKNOWN_PRICE)
    return found


def _ceiling(prices: UnitPrices, input_tokens: int, output_tokens_max: int) -> Decimal:
    rates = prices.rates.known()
    output = rates.pop("output")
    dearest = max(rates.values())
    return (dearest * input_tokens + output * output_tokens_max).scaleb(-_PER_TOKENS)


def _billed(usage: Usage, prices: UnitPrices) -> dict[str, int]:
    """Return the tokens by the kind that prices them: reasoning is output, images mostly input."""
    counts = usage.counts()
    counts.pop("reasoning", None)
    image = counts.pop("image", None)
    if prices.rates.image is None:
        return counts
    if image is None or image > usage.input:
        raise InvalidInput(
            f"{usage.input} tokens input of {prices.model}: images cost another price, and the"
            " reply does not say which of them are uncached images",
            kind=ErrorKind.UNKNOWN_PRICE,
        )
    return {**counts, "input": usage.input - image, "image": image}


def _as_stated(price: StatedPrice) -> Rates:
    """Return what a strategy states, for every tier: what it leaves out costs what input does."""
    read = price.input if price.cached_read is None else price.cached_read
    written = price.input if price.cache_write is None else price.cache_write
    return Rates(
        input=price.input,
        output=price.output,
        cached_read=read,
        cache_write=written,
        cache_write_5m=written,
        cache_write_1h=written,
    )


def _listed(call: PricedCall) -> Iterator[UnitPrices | UnknownPrice]:
    """Yield what lists of prices say, the first that counts in front."""
    models = [model for model in (call.model_reported, call.model_asked) if model]
    for model in models:
        if (own := _own(call, model)) is not None:
            yield own
    for model in models:
        if (listed := _from_library(call, model)) is not None:
            yield listed


def _own(call: PricedCall, model: str) -> UnitPrices | UnknownPrice | None:
    days = [
        each
        for each in price_table.OWN_PRICES
        if each.provider == call.endpoint.provider
        and is_model(model, each.model)
        and each.since <= _day(call)
    ]
    if not days:
        return None
    price, tier = max(days, key=lambda each: each.since), _tier(call)
    rates = price.long if call.input_tokens > price.long_from else price.rates
    if tier != STANDARD and tier not in price.tiers:
        return _unknown(call, f"its page, {price.source}, has no price of tier {tier}")
    return UnitPrices(
        rates=rates.times(price.tiers[tier]) if tier != STANDARD else rates,
        source=f"own table {price_table.READ_ON}",
        model=price.model,
        tier=tier,
    )


def _from_library(call: PricedCall, model: str) -> UnitPrices | UnknownPrice | None:
    import genai_prices  # noqa: PLC0415 # it takes 0.4 s to import
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 # as above

    try:
        _, info = get_snapshot().find_provider_model(model, None, call.endpoint.provider, None)
    except LookupError:
        return None
    if not is_named(info, model):
        return None
    tier = _tier(call)
    context = {"processing": tier} if tier == "batch" else {"service_tier": tier}
    source = f"genai-prices {genai_prices.__version__}"
    if tier == STANDARD or _has_variant(info, context, call.at):
        found = info.get_prices(call.at, {} if tier == STANDARD else context)
        rates = _rates(found, call.input_tokens)
    else:
        rates = _rates(info.get_prices(call.at), call.input_tokens)
        factor = next(_tier_factors(call, tier), None)
        if factor is None:
            return _unknown(call, f"no price of tier {tier} is known at {call.at:%Y-%m-%d}")
        rates = rates and rates.times(factor.times, but=factor.unsaid)
        source = f"{source}, own table {price_table.READ_ON}"
    if rates is None:
        return _unknown(call, f"{source} has no price of its tokens")
    return UnitPrices(rates=rates, source=source, model=info.id, tier=tier)


def _has_variant(info: "ModelInfo", context: dict[str, str], at: datetime) -> bool:
    """Return whether the list has a price of its own for a tier, at that instant."""
    return any(
        variant.when == context and (variant.constraint is None or variant.constraint.active(at))
        for variant in info.price_variants or ()
    )


def _tier_factors(call: PricedCall, tier: str) -> Iterator[price_table.TierFactor]:
    for each in price_table.TIER_FACTORS:
        is_meant = (each.provider, each.tier) == (call.endpoint.provider, tier)
        if is_meant and each.since <= _day(call):
            yield each


def _rates(found: "ModelPrice", input_tokens: int) -> Rates | None:
    """Return a list's prices by our kinds; what it has no price for of its own is plain input.

    That holds for caches only: a write for an hour costs more than one for minutes.
    """
    known = {name: _in_band(getattr(found, key), input_tokens) for name, key in _KEYS.items()}
    read, written = known["input"], known["output"]
    if read is None or written is None:
        return None
    cached, kept = known["cached_read"], known["cache_write"]
    for_5m, for_1h = known["cache_write_5m"], known["cache_write_1h"]
    return Rates(
        input=read,
        output=written,
        cached_read=read if cached is None else cached,
        cache_write=read if kept is None else kept,
        cache_write_5m=kept if for_5m is None else for_5m,
        cache_write_1h=for_1h,
        image=known["image"],
    )


def _in_band(price: "Decimal | TieredPrices | None", input_tokens: int) -> Decimal | None:
    """Return the price that holds for all tokens of a call that reads so many."""
    if price is None or isinstance(price, Decimal):
        return price
    passed = [tier.price for tier in price.tiers if input_tokens > tier.start]
    return passed[-1] if passed else price.base


def _in_region(call: PricedCall, found: UnitPrices) -> UnitPrices | UnknownPrice:
    region = (call.region or "").lower()
    if region in price_table.EVERYWHERE:
        return found
    for each in price_table.REGION_FACTORS:
        if (each.provider, each.region) == (call.endpoint.provider, region):
            source = f"{found.source}, own table {price_table.READ_ON}"
            rates = found.rates.times(each.times)
            return replace(found, rates=rates, region=region, source=source)
    return _unknown(call, f"no price of region {region} is known")


def _unknown(call: PricedCall, why: str) -> UnknownPrice:
    named = call.model_reported or call.model_asked
    return UnknownPrice(
        reason=f"{call.endpoint.family}:{call.model_asked}: the price of {named} is not known;"
        f" {why}; write what it costs under the analyst: price: {{input: ..., output: ...}}, in US"
        " dollars per million tokens"
    )


def _tier(call: PricedCall) -> str:
    word = (call.tier or "").lower().removeprefix("service_tier_")
    return STANDARD if word in price_table.STANDARD_WORDS else word


def _day(call: PricedCall) -> date:
    return call.at.astimezone(UTC).date()
