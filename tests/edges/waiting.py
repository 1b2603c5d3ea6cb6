"""Waiting for another process: a condition polled until it holds, or until it is late."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], object], *, timeout_s: float = 30.0) -> None:
    """Return as soon as the condition holds. Fails the test if it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"still waiting after {timeout_s} s"
        time.sleep(0.01)
