"""Prices and factors that genai-prices does not know, each with its date and the page that says so.

Read on `READ_ON`. A number that no page of a provider's own states is not here: what it would price
has no known price.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from typing import Final

READ_ON: Final = date(2026, 11, 27)
STANDARD: Final = "standard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """US dollars per million tokens, by kind of usage; None is a kind without a known price.

    `cache_write` is for a time that the reply does not tell. `image` is there only where images
    cost another price than text. Reasoning is part of the output.
    """

    input: Decimal
    output: Decimal
    cached_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    image: Decimal | None = None

    def known(self) -> dict[str, Decimal]:
        """Return the prices there are, by kind."""
        found = ((each.name, getattr(self, each.name)) for each in fields(Rates))
        return {name: price for name, price in found if price is not None}

    def times(self, factor: Decimal, *, but: tuple[str, ...] = ()) -> "Rates":
        """Return every price times a factor; those of the kinds in `but` are then unknown."""
        return Rates(
            **{name: price * factor for name, price in self.known().items() if name not in but}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrice:
    """What a model costs from a day on; with more than `long_from` tokens read, all cost `long`.

    `tiers` are factors on both, by the word of the tier that was served.
    """

    provider: str
    model: str
    since: date
    rates: Rates
    long_from: int
    long: Rates
    tiers: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TierFactor:
    """What a tier costs of the standard price, from a day on, where no list says it by model.

    `unsaid` are the kinds that the page does not speak of.
    """

    provider: str
    tier: str
    times: Decimal
    since: date
    unsaid: tuple[str, ...] = ()
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionFactor:
    """What a region, as the reply names it, costs of the price everywhere; for all kinds."""

    provider: str
    region: str
    times: Decimal
    source: str


_GPT_6_2_SOL: Final = Rates(
    input=Decimal(2), output=Decimal(10), cached_read=Decimal("0.1"), cache_write=Decimal("2.5")
)
_GPT_6_2_SOL_LONG: Final = Rates(
    input=Decimal(4), output=Decimal(15), cached_read=Decimal("0.2"), cache_write=Decimal(5)
)
OWN_PRICES: Final = (
    OwnPrice(
        provider="openai",
        model="gpt-6.2-sol",
        since=READ_ON,
        rates=_GPT_6_2_SOL,
        long_from=272_000,
        long=_GPT_6_2_SOL_LONG,
        tiers={"priority": Decimal(2), "fast": Decimal(2)},
        source="https://developers.openai.com/api/docs/models/gpt-6.2-sol",
    ),
)
TIER_FACTORS: Final = (
    TierFactor(
        provider="openai",
        tier="flex",
        times=Decimal("0.5"),
        since=date(2026, 8, 28),
        source="https://developers.openai.com/api/docs/guides/flex-processing",
    ),
    TierFactor(
        provider="google",
        tier="flex",
        times=Decimal("0.5"),
        since=date(2026, 4, 2),
        unsaid=("cached_read", "cache_write", "cache_write_5m", "cache_write_1h"),
        source="https://ai.google.dev/gemini-api/docs/optimization",
    ),
)
REGION_FACTORS: Final = (
    RegionFactor(
        provider="anthropic",
        region="us",
        times=Decimal("1.1"),
        source="https://docs.aws.amazon.com/claude-platform/latest/userguide/data-residency.html",
    ),
)
EVERYWHERE: Final = frozenset({"", "global", "not_available"})
"""Words of replies for no region in particular."""
STANDARD_WORDS: Final = frozenset({"", "default", STANDARD})
"""Words of replies for the standard tier."""
