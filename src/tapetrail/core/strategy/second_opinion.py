"""A second source that daily closes are held against: which one, and what its answer means."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Final, TypeAlias

from pydantic import Field

from tapetrail.core.canonical import decimal_text
from tapetrail.core.market.instruments import Instrument
from tapetrail.core.strategy.data_parts import SymbolMap
from tapetrail.core.strategy.data_quality import OnBreach
from tapetrail.core.strategy.parts import (
    UNIT_RULE,
    YOUNGER,
    ExactDecimal,
    InstrumentName,
    Part,
    Source,
    Word,
)

DIFFERENCE_PCT_MAX: Final = Decimal(100)
DifferencePct: TypeAlias = Annotated[ExactDecimal, Field(gt=0, le=DIFFERENCE_PCT_MAX)]
_ON_RULE: Final = " or ".join(OnBreach)


class SecondOpinion(Part):
    """Whose closes are asked for beside those of the source, and how near they have to be.

    `on_difference` is what becomes of a decision whose closes differ by more, `on_absent` of one
    that nothing could be compared for. `symbols` are what the second source calls the instruments
    that it has another symbol for, and `quoted_in` is the unit of its prices, where it takes that
    from the strategy.
    """

    source: Source = Field(description="the name of a source")
    max_difference_pct: DifferencePct = Field(
        default=Decimal("0.5"),
        description=f"a percentage above 0, at most {decimal_text(DIFFERENCE_PCT_MAX)}, with up to"
        " 10 decimals",
    )
    on_difference: OnBreach = Field(default=OnBreach.FAIL, description=_ON_RULE)
    on_absent: OnBreach = Field(default=OnBreach.WARN, description=_ON_RULE)
    symbols: SymbolMap | None = Field(
        default=None,
        description="a mapping of symbols to those that the second source has, as {VOD: VOD.L}",
    )

    quoted_in: Annotated[Word | None, YOUNGER] = Field(default=None, description=UNIT_RULE)

    def symbol_of(self, symbol: str) -> str:
        """Return what the second source calls an instrument."""
        return dict(self.symbols or ()).get(symbol, symbol)

    def as_named(self, named: InstrumentName) -> InstrumentName:
        """Return an instrument's name as the second source is opened with it.

        What a strategy says of the first one's prices is not about those of another.
        """
        theirs = {"symbol": self.symbol_of(named.symbol), "quoted_in": self.quoted_in}
        return named.model_copy(update={**dict.fromkeys(named.described), **theirs})

    def named(self, traded: Instrument) -> Instrument:
        """Return an instrument under the second source's symbol."""
        return replace(traded, symbol=self.symbol_of(traded.symbol))

    def problem(self, source: str, instruments: Sequence[InstrumentName]) -> str | None:
        """Return what is wrong with it beside a strategy's `source` and instruments."""
        if self.source == source:
            return (
                f"second_opinion.source: {source} is the source itself, and agrees with itself;"
                " expected another one"
            )
        for symbol, _ in self.symbols or ():
            if not any(named.matches(symbol) for named in instruments):
                return (
                    f"second_opinion.symbols: {symbol} is none of the strategy's instruments, so"
                    " its entry would change nothing"
                )
        return None
