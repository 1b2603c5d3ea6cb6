"""Which of the instruments that a source offers a strategy's name means."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.core.market.bars import Instrument
from tapetrail.core.market.exchanges import mic_of
from tapetrail.core.strategy.parts import ANY, InstrumentName
from tapetrail.core.strategy.refusals import nearest
from tapetrail.core.strategy.strategies import ALL
from tapetrail.sources.protocol import Source

_SHOWN_MAX: Final = 10


def matching(source: Source, named: InstrumentName) -> Sequence[Instrument]:
    """Return what a source holds of a form. Raises `NotFound` for nothing, with what is near."""
    word = ALL if named.symbol == ANY else str(named)
    held = source.instruments()
    if not held:
        raise NotFound(
            f"instruments {word}: {source.name} cannot say what it holds; name the instruments"
        )
    found = [
        each
        for each in held
        if named.matches(each.symbol) and fits(_under(named, symbol=each.symbol), each)
    ]
    if not found:
        symbols = [each.symbol for each in held]
        near = nearest(named.symbol.replace(ANY, ""), symbols)
        shown = ", ".join(map(str, held[:_SHOWN_MAX]))
        more = f" and {len(held) - _SHOWN_MAX} more" if len(held) > _SHOWN_MAX else ""
        said = f"; did you mean {near}?" if near else ""
        raise NotFound(f"instruments {word}: {source.name} holds {shown}{more}{said}")
    return found


def _under(named: InstrumentName, *, symbol: str) -> InstrumentName:
    """Return the name of one instrument that a pattern may mean."""
    return InstrumentName(symbol=symbol, exchange=named.exchange, currency=named.currency)


def only_one(named: InstrumentName, candidates: Sequence[Instrument]) -> Instrument:
    """Return the candidate that `named` means, under its conid.

    Raises `NotFound` unless it is exactly one, and `InvalidInput` for one with another conid.
    """
    fitting = [candidate for candidate in candidates if fits(named, candidate)]
    numbered = [candidate for candidate in fitting if candidate.conid == named.conid]
    if named.conid is not None and len(numbered) == 1:
        fitting = numbered
    if len(fitting) == 1:
        return _with_conid(named, fitting[0])
    if fitting:
        found = " or ".join(map(_shown, fitting))
        more = ", or its conid" if any(each.conid for each in fitting) else ""
        raise NotFound(f"instrument {named}: may be {found}; name its exchange and currency{more}")
    offered = ", ".join(map(_shown, candidates)) or "nothing of that name"
    raise NotFound(f"no instrument {named}; the source offers {offered}")


def _shown(candidate: Instrument) -> str:
    """Return `VOD (XLON, GBP)`, and in front of the bracket's end its conid where there is one."""
    shown = str(candidate)
    return shown if candidate.conid is None else f"{shown[:-1]}, conid {candidate.conid})"


def _with_conid(named: InstrumentName, found: Instrument) -> Instrument:
    if named.conid is None or found.conid == named.conid:
        return found
    if found.conid is not None:
        raise InvalidInput(
            f"instrument {found}: its conid is {found.conid}, the strategy says {named.conid}"
        )
    return replace(found, conid=named.conid)


def is_shadowed(known: Instrument, others: Sequence[Instrument]) -> bool:
    """Return whether a record under an exchange's other name has one beside it that comes first.

    The one under the MIC does, and among other names the one that was recorded first.
    """
    market = mic_of(known.exchange), known.currency
    same = [other for other in others if (mic_of(other.exchange), other.currency) == market]
    return known != min(same, key=lambda other: other.exchange != mic_of(other.exchange))


def fits(named: InstrumentName, instrument: Instrument) -> bool:
    """Return whether a name may mean an instrument."""
    return named.may_be(
        InstrumentName(
            symbol=instrument.symbol, exchange=instrument.exchange, currency=instrument.currency
        )
    )
