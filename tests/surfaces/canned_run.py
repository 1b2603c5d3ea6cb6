"""Run a strategy in a home by a model of the tests' own, which answers at once.

    python -m tests.surfaces.canned_run HOME

Two days of IBM: the second time the model says that it is another one. GOOG is refused.
"""

import json
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from tests.workflows.model_server import CHART, HOLD

import tapetrail
from tapetrail.analysts.protocol import Identity, ReadResponse, Request, Response
from tapetrail.core.analysis.questions import Question
from tapetrail.core.errors import ErrorKind

MODEL: Final = "claude-haiku-4-5"
REPORTED: Final = {"2012-08-03": f"{MODEL}-20250701", "2012-08-10": f"{MODEL}-20251001"}
USAGE: Final = {"input": 100, "output": 10, "cached_read": 5}
STRATEGY: Final = {"name": "canned", "instruments": ["GOOG", "IBM"], "analyst": "canned:one"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Canned:
    """Says what it always says, with a word that a terminal would obey."""

    name: str

    @property
    def identity(self) -> Identity:
        return Identity(name=self.name, provider="tests", model_name=MODEL)

    def request(self, question: Question) -> Request:
        asked = {
            "question": question.name,
            "symbol": question.instrument.symbol,
            "on": str(question.as_of.date()),
        }
        prompt = f"About {question.instrument.symbol}, \x1b[31m{question.name}.\n"
        return Request(
            body=json.dumps(asked).encode(), media_type="application/json", prompt_text=prompt
        )

    def send(self, request: Request) -> Response:
        asked = json.loads(request.body)
        answer = HOLD if asked["question"] == "consolidated" else CHART
        text = (
            None if asked["symbol"] == "GOOG" else json.dumps(answer | {"reasoning": "\x1b[31m!"})
        )
        body = json.dumps({"model": REPORTED[asked["on"]], "text": text})
        return Response(body=body.encode() + b"\n", media_type="application/json", http_status=200)

    def read(self, response: Response) -> ReadResponse:
        found = json.loads(response.body)
        is_refused = found["text"] is None
        return ReadResponse(
            text=found["text"],
            error_kind=ErrorKind.REFUSED if is_refused else None,
            error_message="it would not" if is_refused else None,
            model_reported=found["model"],
            usage=USAGE,
            tokens_used=115,
        )


def main(home: str) -> None:
    with tapetrail.open_record(home, analysts={"canned": lambda name: Canned(name=name)}) as record:
        for day in REPORTED:
            record.run(STRATEGY, as_of=date.fromisoformat(day))


if __name__ == "__main__":
    main(str(Path(sys.argv[1])))
