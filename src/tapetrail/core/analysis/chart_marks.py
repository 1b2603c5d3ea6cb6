"""The signal that followed a chart, as marks on its printed page.

An analyst is shown a chart without any of this: the marks belong to the print, which is made after
the decision and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from tapetrail.core.analysis.analyses import SignalType
from tapetrail.core.canonical import decimal_text
from tapetrail.core.charts.panel_axes import widened_axis
from tapetrail.core.charts.price_panel import PRICE
from tapetrail.core.charts.spec import ChartSpec, Ink, Legend, Level, Panel

DECIMALS_MIN: Final = 2
RATIO_DECIMALS: Final = 2
ADDED: Final = (
    "Marked afterwards with the signal; the analyst was shown the chart without these marks"
)
_SIDES: Final = {
    SignalType.BUY: Legend(text="▲ BUY", ink=Ink.UP),
    SignalType.SELL: Legend(text="▼ SELL", ink=Ink.DOWN),
    SignalType.HOLD: Legend(text="– HOLD", ink=Ink.HOLD),  # noqa: RUF001 # a dash, for "neither"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalPrices:
    """A signal's prices in the instrument's currency, each where it exists; HOLD has none."""

    entry: Decimal | None = None
    stop: Decimal | None = None
    target: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalMarks:
    """What a printed chart says of a signal: its side, its facts in words, its levels."""

    side: Legend
    facts: str
    levels: tuple[Level, ...]


def derive_marks(
    signal_type: SignalType,
    prices: SignalPrices,
    *,
    reward_risk: Decimal | None = None,
    facts: Sequence[str] = (),
) -> SignalMarks:
    """Return the marks of a signal; `facts` are further words, shown after its prices.

    Prices are written in full, two decimals at least; the ratio is rounded to two.
    """
    named = (
        ("Entry", prices.entry, Ink.ENTRY),
        ("Stop", prices.stop, Ink.DOWN),
        ("Target", prices.target, Ink.UP),
    )
    levels = tuple(
        Level(name=name, value=float(price), label=level_text(price), ink=ink)
        for name, price, ink in named
        if price is not None
    )
    words = [f"{level.name} {level.label}" for level in levels]
    if reward_risk is not None:
        words.append(f"Reward/risk {reward_risk:.{RATIO_DECIMALS}f}")
    return SignalMarks(
        side=_SIDES[signal_type], facts="  ·  ".join([*words, *facts]), levels=levels
    )


def signal_facts(confidence: Decimal | None, valid_until: date | None) -> tuple[str, ...]:
    """Return what a signal says beside its prices: its confidence, the last day of its entry."""
    said = {"Confidence": confidence, "Valid until": valid_until}
    return tuple(f"{name} {each}" for name, each in said.items() if each is not None)


def level_text(price: Decimal) -> str:
    """Return a price with all its decimals, two at least, and commas between thousands."""
    whole, _, digits = decimal_text(price).partition(".")
    return f"{int(whole):,}.{digits.ljust(DECIMALS_MIN, '0')}"


def mark_chart(spec: ChartSpec, marks: SignalMarks) -> ChartSpec:
    """Return the chart with the signal's levels, its price axis widened until it shows them.

    A note says that the marks were added. Levels at or below 0 lie outside a log axis.
    """
    panels = tuple(
        _marked(panel, marks.levels) if panel.kind == PRICE.word else panel for panel in spec.panels
    )
    return replace(spec, panels=panels, notes=(*spec.notes, ADDED))


def _marked(panel: Panel, levels: tuple[Level, ...]) -> Panel:
    """Return the price panel with levels; among them the last price needs its name too."""
    tag = panel.tag and replace(panel.tag, label=f"Last {panel.tag.label}")
    return replace(panel, axis=widened_axis(panel, levels), levels=panel.levels + levels, tag=tag)
