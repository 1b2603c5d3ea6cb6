"""Analysts argue without a chart, and a manager gives one of five ratings.

    python debate.py AAPL

`OPENAI_BASE_URL` and `OPENAI_API_KEY` say which model is asked. Eight lines record all of it; each
is marked.
"""

import sys
from typing import Final, Literal

from openai import OpenAI

import tapetrail  # recorded

Meaning = Literal["BUY", "SELL", "HOLD"]
RATINGS: Final[dict[str, Meaning]] = {
    "buy": "BUY",
    "overweight": "BUY",
    "hold": "HOLD",
    "underweight": "SELL",
    "sell": "SELL",
}
ROUNDS: Final = 2
MODEL: Final = "gpt-5-mini"


def ask(client: OpenAI, role: str, text: str) -> str:
    """Return what a model says in a role."""
    reply = client.responses.create(model=MODEL, instructions=f"You are the {role}.", input=text)
    return reply.output_text


def debate(client: OpenAI, news: str, decision: tapetrail.Decision) -> str:
    """Return the rating of a manager who has heard both sides."""
    said: list[str] = []
    for round_no in range(1, ROUNDS + 1):
        for side in ("bull", "bear"):
            with decision.analysis(side, round=round_no):  # recorded
                said.append(ask(client, f"{side} researcher", "\n".join([news, *said])))
    with decision.analysis("manager"):  # recorded
        return ask(client, "manager; answer by one of five ratings", "\n".join(said))


def main(symbol: str) -> None:
    """Decide on one symbol."""
    client = OpenAI()
    news = f"{symbol} opens a new plant; analysts disagree."
    with tapetrail.recorder(agent="debate", version="1") as recorder, recorder.watch():  # recorded
        with recorder.execution("debate", mode="paper").decision(symbol) as decision:  # recorded
            decision.log_input(news, kind="news")  # recorded
            rating = debate(client, news, decision).strip().lower().rstrip(".")
            decision.log_signal(rating, signal_type=RATINGS[rating])  # recorded
    print(symbol, rating)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "AAPL")
