"""A LangGraph graph whose tool draws a picture, which a model then looks at.

    python graph.py AAPL

`OPENAI_API_BASE` and `OPENAI_API_KEY` say which model is asked. The marked lines record it.
"""

import base64
import struct
import sys
import zlib
from collections.abc import Sequence
from typing import Final, TypedDict

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph

import tapetrail  # recorded

CLOSES: Final = (10.0, 10.5, 10.2, 11.0, 11.8, 11.5, 12.4)
SIDE: Final = 64


class State(TypedDict):
    """What travels through the graph; what is not there yet is empty."""

    symbol: str
    picture: bytes
    answer: str


@tool
def draw(symbol: str) -> str:
    """Draw the closes of a symbol; the picture comes back as Base64."""
    del symbol
    return base64.b64encode(png_of(CLOSES)).decode()


def png_of(closes: Sequence[float]) -> bytes:
    """Return a small picture: a column of light a close, as high as it is."""
    low, high = min(closes), max(closes)
    heights = [round((close - low) / (high - low) * (SIDE - 1)) for close in closes]
    rows = b"".join(
        b"\0" + bytes(255 if SIDE - row <= heights[at * len(heights) // SIDE] else 0
                      for at in range(SIDE))
        for row in range(SIDE)
    )  # fmt: skip
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def drawn(state: State) -> State:
    """Return the picture of a symbol."""
    picture = base64.b64decode(str(draw.invoke({"symbol": state["symbol"]})))
    return {**state, "picture": picture}


def judged(state: State) -> State:
    """Return what a model says of the picture."""
    image = base64.b64encode(state["picture"]).decode()
    question = HumanMessage([
        {"type": "text", "text": f"{state['symbol']}: buy, sell or hold?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}},
    ])  # fmt: skip
    answer = ChatOpenAI(model="gpt-5-mini").invoke([question])
    return {**state, "answer": str(answer.text)}


def main(symbol: str) -> None:
    """Decide on one symbol."""
    graph = StateGraph(State)
    graph.add_node("drawn", drawn)
    graph.add_node("judged", judged)
    graph.add_edge(START, "drawn")
    graph.add_edge("drawn", "judged")
    graph.add_edge("judged", END)
    with tapetrail.recorder(agent="graph", version="1") as recorder, recorder.watch():  # recorded
        with recorder.execution("graph").decision(symbol, exchange="XNAS") as decision:  # recorded
            asked = state = State(symbol=symbol, picture=b"", answer="")
            for state in graph.compile().stream(asked, stream_mode="values"):
                if state["picture"] and not state["answer"]:
                    decision.log_chart(state["picture"], timeframe="1d")  # recorded
            decision.log_signal(state["answer"])  # recorded
    print(symbol, state["answer"])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "AAPL")
