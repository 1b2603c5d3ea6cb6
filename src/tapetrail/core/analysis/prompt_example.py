"""A made-up question as the values that prompt templates see, to try a new template on."""

from typing import Final

from tapetrail.core.analysis.prompts import QUESTION, SYSTEM, Context, PromptTemplate
from tapetrail.core.errors import ErrorKind, InvalidInput

_ANALYSIS: Final[Context] = {
    "trend": "bullish",
    "confidence": "0.6",
    "supports": ["95.5"],
    "resistances": ["104"],
    "patterns": ["higher lows"],
    "observations": ["last close = 100.25"],
    "reasoning": "The price holds above its averages.",
}
_CHART: Final[Context] = {
    "timeframe": "1d",
    "period": "day",
    "bars": "250",
    "first_on": "2025-11-24",
    "last_on": "2026-11-20",
    "is_unfinished": False,
    "notes": ["prices are adjusted for splits"],
    "breaks": ["no bar from 2026-03-02 to 2026-03-03"],
    "missing_sessions": "2026-03-02, 2026-03-03",
    "panels": [{"what": "prices", "lines": ["SMA"], "is_log": False, "axis": "90, 100, 110"}],
    "names": ["last close"],
    "numbers": [{"name": "last close", "value": "100.25"}],
    "recent": [["2026-11-20", "99.5", "101", "99", "100.25", "1000"]],
    "analyses": [_ANALYSIS],
}
EXAMPLE: Final[Context] = {
    "strategy": {
        "sell_means": "short",
        "horizon_sessions": "20",
        "entry_sessions": "5",
        "min_reward_risk": "1.5",
        "stop_atr": "2",
    },
    "schema": '{"type": "object"}',
    "instrument": {
        "symbol": "EXAMPLE",
        "exchange": "XNYS",
        "currency": "USD",
        "asset_class": "equity",
        "quoted_in": "GBX",
        "tick_size": "0.01",
    },
    "as_of": "2026-11-20T21:00:00.000000Z",
    "charts": [_CHART, {**_CHART, "timeframe": "1w", "period": "week"}],
    "missing_charts": ["1mo"],
    "image": True,
    "numbers": True,
}
"""Everything there is, of two charts: what a template asks for and this lacks is never there."""


def check_renders(template: PromptTemplate) -> None:
    """Raise `InvalidInput` (`bad_prompt`) for a template that cannot be rendered, or says nothing.

    A provider refuses a question without a text, and that would only be known when it is asked.
    """
    prompt = template.render(EXAMPLE)
    for name, text in ((SYSTEM, prompt.system), (QUESTION, prompt.question)):
        if not text:
            raise InvalidInput(
                f"prompt {template.name} version {template.version}: the block {name} says nothing",
                kind=ErrorKind.BAD_PROMPT,
            )
