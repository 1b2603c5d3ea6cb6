"""Exchanges by their MIC, whatever they are called: one share is one instrument."""

from collections.abc import Mapping
from typing import Final

ALIASES: Final[Mapping[str, str]] = {
    "ASX": "XASX",
    "BMF": "BVMF",
    "BSE": "XBOM",
    "BVB": "XBSE",
    "CFE": "XCBF",
    "FWB": "XFRA",
    "HKEX": "XHKG",
    "ICE": "IEPA",
    "JKT": "XIDX",
    "JPX": "XTKS",
    "LSE": "XLON",
    "LUXSE": "XLUX",
    "NASDAQ": "XNAS",
    "NYSE": "XNYS",
    "OSE": "XOSL",
    "SIX": "XSWX",
    "SSE": "XSHG",
    "TASE": "XTAE",
    "TSX": "XTSE",
}
"""The other names that calendars go by, and the MIC of each.

CBOT, CME, COMEX, NYMEX, NYFE and ICEUS are not among them: they share a calendar and are exchanges
of their own.
"""
US_STOCKS: Final = frozenset(
    {"ARCX", "BATS", "EDGA", "EDGX", "IEXG", "XASE", "XBOS", "XCHI", "XCIS", "XNAS", "XNYS", "XPHL"}
)
"""The exchanges of stocks in the United States."""
_MICS: Final = {**ALIASES, **{mic: mic for mic in ALIASES.values()}}


def mic_of(exchange: str) -> str:
    """Return the MIC of an exchange that goes by another name, in any case; others stay."""
    return _MICS.get(exchange.upper(), exchange)


def names_of(exchange: str) -> tuple[str, ...]:
    """Return every name of an exchange, its MIC first."""
    mic = mic_of(exchange)
    return (mic, *(alias for alias, meant in ALIASES.items() if meant == mic))
