"""A model over HTTP, as far as tests need one: it keeps what it was asked, and answers when it may.

A request is JSON that names its question; the answer is JSON that holds the reply's text.
"""

import json
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

TIMEOUT_S: Final = 60
CHART: Final = {
    "trend": "bullish",
    "confidence": "0.6",
    "support_levels": ["1"],
    "resistance_levels": [],
    "key_patterns": [],
    "reasoning": "The model says so.",
}
HOLD: Final = {
    **CHART,
    "trend": "neutral",
    "signal_type": "HOLD",
    "entry_type": None,
    "entry_price": None,
    "stop_loss": None,
    "target_price": None,
    "horizon_bars": 20,
}


@dataclass(kw_only=True)
class ModelServer:
    """What was asked, in its order, and which questions are answered by now."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    held: set[str] = field(default_factory=set[str])
    replies: dict[str, object] = field(default_factory=dict[str, object])
    changed: threading.Condition = field(default_factory=threading.Condition)

    def hold(self, *questions: str) -> None:
        """Answer these questions only after `release`."""
        with self.changed:
            self.held |= {*questions}

    def release(self) -> None:
        """Answer everything, what has waited so far too."""
        with self.changed:
            self.held.clear()
            self.changed.notify_all()

    def await_asked(self, count: int) -> None:
        """Wait until so many questions have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.asked) >= count, TIMEOUT_S), self.asked

    @property
    def counts(self) -> Counter[str]:
        """How often each question was asked."""
        with self.changed:
            return Counter(f"{each['symbol']} {each['question']}" for each in self.asked)

    def answer(self, request: dict[str, Any]) -> bytes:
        """Return the answer to a request, once it may be given."""
        question = str(request["question"])
        with self.changed:
            self.asked.append(request)
            self.changed.notify_all()
            self.changed.wait_for(lambda: question not in self.held, TIMEOUT_S)
        default = HOLD if question == "consolidated" else CHART
        return json.dumps({"reply": json.dumps(self.replies.get(question, default))}).encode()


@contextmanager
def model_server() -> Generator[ModelServer]:
    """Give a server on a free port of this machine."""
    model = ModelServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = model.answer(json.loads(body))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the library's
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 200

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: who asked may have been killed meanwhile."""

    with Server(("127.0.0.1", 0), Handler) as server:
        model.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield model
        finally:
            model.release()
            server.shutdown()
            thread.join()
