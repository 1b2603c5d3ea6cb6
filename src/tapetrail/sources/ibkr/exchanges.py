"""Exchanges as IBKR calls them, their MIC, and the calendar that their sessions are in."""

from collections.abc import Mapping
from typing import Final

from tapetrail.core.market.exchanges import mic_of

# IBKR's TSE is Toronto, and Tokyo is TSEJ; its OSE is Oslo.
MICS: Final[Mapping[str, str]] = {
    "NASDAQ": "XNAS",
    "ISLAND": "XNAS",
    "NYSE": "XNYS",
    "AMEX": "XASE",
    "ARCA": "ARCX",
    "BATS": "BATS",
    "TSE": "XTSE",
    "VENTURE": "XTSX",
    "MEXI": "XMEX",
    "LSE": "XLON",
    "LSEETF": "XLON",
    "IBIS": "XETR",
    "IBIS2": "XETR",
    "FWB": "XFRA",
    "FWB2": "XFRA",
    "SBF": "XPAR",
    "AEB": "XAMS",
    "ENEXT.BE": "XBRU",
    "BVL": "XLIS",
    "BVME": "XMIL",
    "BVME.ETF": "XMIL",
    "BM": "XMAD",
    "EBS": "XSWX",
    "SFB": "XSTO",
    "CPH": "XCSE",
    "HEX": "XHEL",
    "OSE": "XOSL",
    "VSE": "XWBO",
    "WSE": "XWAR",
    "PRA": "XPRA",
    "BUX": "XBUD",
    "JSE": "XJSE",
    "TASE": "XTAE",
    "TADAWUL": "XSAU",
    "TSEJ": "XTKS",
    "SEHK": "XHKG",
    "SEHKNTL": "XSHG",
    "ASX": "XASX",
    "SGX": "XSES",
    "KSE": "XKRX",
    "TWSE": "XTAI",
}


def mic_at_ibkr(code: str) -> str:
    """Return the MIC of an exchange as IBKR calls it; a code that is not known here stays."""
    return MICS.get(code.upper()) or mic_of(code)
