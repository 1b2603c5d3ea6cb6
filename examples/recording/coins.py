"""One call answers for many coins at once, with leverage, stops and exits.

    python coins.py

The service that asks the model may be written in any language: what counts is what it sent and got.
Here it is httpx2 without any SDK. The marked lines record it.
"""

import json
import os
from typing import Any, Final, Literal

import httpx2

import tapetrail  # recorded

COINS: Final = ("BTC", "ETH", "SOL")
Meaning = Literal["BUY", "SELL", "HOLD"]
ACTIONS: Final[dict[str, Meaning]] = {
    "open_long": "BUY",
    "open_short": "SELL",
    "close_long": "SELL",
    "wait": "HOLD",
}
URL: Final = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")


def ask(account: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the model's decisions, one a coin."""
    body = {
        "model": "deepseek-chat",
        "messages": [
            {"role": "user", "content": f"Account {json.dumps(account)}. Decide on {COINS}."}
        ],
    }
    key = os.environ.get("OPENAI_API_KEY", "none")
    reply = httpx2.post(f"{URL}/chat/completions", json=body, timeout=60,
                        headers={"authorization": f"Bearer {key}"})  # fmt: skip
    reply.raise_for_status()
    decisions: list[dict[str, Any]] = json.loads(reply.json()["choices"][0]["message"]["content"])
    return decisions


def main() -> None:
    """Decide on all coins."""
    account = {"equity": 1000.0, "positions": [{"coin": "ETH", "side": "long", "size": 0.5}]}
    host = URL.split("/")[2]
    with tapetrail.recorder(agent="coins") as recorder, recorder.watch(hosts=[host]):  # recorded
        run = recorder.execution("coins", mode="paper")  # recorded
        with run.portfolio(COINS, asset_class="crypto_perp") as book:  # recorded
            book.log_input(account, kind="account")  # recorded
            for it in ask(account):
                coin, word, kind = it["coin"], it["action"], ACTIONS[it["action"]]
                print(coin, word, kind)
                book[coin].log_signal(  # recorded
                    word, signal_type=kind, leverage=it.get("leverage"), reads=book.analyses
                )  # recorded


if __name__ == "__main__":
    main()
