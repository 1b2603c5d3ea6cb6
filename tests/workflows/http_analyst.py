"""An analyst over HTTP, which the tests' own server answers for."""

import json
import os
import signal
import urllib.request
from dataclasses import dataclass
from typing import Final

from tapetrail.analysts.protocol import Identity, ReadResponse, Request, Response
from tapetrail.core.analysis.questions import Question
from tapetrail.core.errors import EdgeFailure, ErrorKind

TIMEOUT_S: Final = 90
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnalyst:
    """Asks `url`; one named `blind` sends no image, and says so in its parameters.

    Whoever reads the answer to the question `deadly` is killed.
    """

    name: str
    url: str
    deadly: str = ""
    wording: str = ""

    @property
    def identity(self) -> Identity:
        return Identity(
            name=self.name,
            provider="tests",
            model_name=self.name,
            params={"image": False} if self._is_blind else {},
        )

    @property
    def _is_blind(self) -> bool:
        return self.name.endswith(":blind")

    def request(self, question: Question) -> Request:
        body = {
            "question": question.name,
            "symbol": question.instrument.symbol,
            "images": [] if self._is_blind else [len(chart.image) for chart in question.charts],
            "wording": self.wording,
        }
        text = json.dumps(body)
        return Request(body=text.encode(), media_type=JSON, prompt_text=text)

    def send(self, request: Request) -> Response:
        try:
            with urllib.request.urlopen(  # noqa: S310 # the tests' own server
                self.url, request.body, timeout=TIMEOUT_S
            ) as answer:
                return Response(body=answer.read(), media_type=JSON, http_status=answer.status)
        except OSError as error:
            raise EdgeFailure(str(error), kind=ErrorKind.ANALYST_UNAVAILABLE) from error

    def read(self, response: Response) -> ReadResponse:
        text = json.loads(response.body)["reply"]
        is_whole = "signal_type" in text
        if self.deadly == ("consolidated" if is_whole else "chart"):
            os.kill(os.getpid(), signal.SIGKILL)
        return ReadResponse(text=text, tokens_used=7, finish_reason="stop")
