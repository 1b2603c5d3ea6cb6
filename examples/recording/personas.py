"""Personas judge every symbol for themselves, and their views are netted into weights.

    python personas.py

`ANTHROPIC_BASE_URL` and `ANTHROPIC_API_KEY` say which model is asked. The marked lines record it.
"""

import json
from collections import defaultdict
from typing import Final

from anthropic import Anthropic
from anthropic.types import TextBlock

import tapetrail  # recorded

SYMBOLS: Final = ("AAPL", "MSFT", "IBM")
PERSONAS: Final = ("value investor", "growth investor", "risk manager")
MODEL: Final = "claude-haiku-4-5"
LEAST: Final = 0.1


def ask(client: Anthropic, persona: str) -> dict[str, float]:
    """Return a persona's view of each symbol, from -1 to 1."""
    reply = client.messages.create(
        model=MODEL,
        max_tokens=500,
        system=f"You are a {persona}. Answer with JSON: symbol to a number from -1 to 1.",
        messages=[{"role": "user", "content": f"Judge {', '.join(SYMBOLS)}."}],
    )
    text = "".join(block.text for block in reply.content if isinstance(block, TextBlock))
    views: dict[str, float] = json.loads(text)
    return views


def main() -> None:
    """Decide on all symbols at once."""
    client = Anthropic()
    weights: dict[str, float] = defaultdict(float)
    with tapetrail.recorder(agent="personas") as recorder, recorder.watch():  # recorded
        with recorder.execution("personas").portfolio(SYMBOLS) as book:  # recorded
            for persona in PERSONAS:
                with book.analysis(persona) as analysis:  # recorded
                    views = ask(client, persona)
                    analysis.answer(data=views)  # recorded
                for symbol, view in views.items():
                    weights[symbol] += view / len(PERSONAS)
            for symbol, weight in weights.items():
                side = "buy" if weight > LEAST else "sell" if weight < -LEAST else "hold"
                book[symbol].log_signal(  # recorded
                    side, size=weight, size_unit="weight", intent="rebalance", reads=book.analyses
                )  # recorded
    print(dict(weights))


if __name__ == "__main__":
    main()
