"""A process works on as many decisions as it was told, and begins none when it is to end."""

import threading
from typing import Final

import pytest

from tapetrail.cli.terminal.words import CONCURRENCY_MAX
from tapetrail.workflows.engine import TAKEN_MAX
from tapetrail.workflows.work import Work

TIMEOUT_S: Final = 30


class Decision:
    """A decision in a thread of its own, which ends when it is told to."""

    def __init__(self, work: Work, *, begun: threading.Semaphore) -> None:
        self._work = work
        self._begun = begun
        self._end = threading.Event()
        self.has_begun = False
        self.was_refused = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            with self._work.slot():
                self.has_begun = True
                self._begun.release()
                assert self._end.wait(TIMEOUT_S)
        except SystemExit:
            self.was_refused = True

    def end(self) -> None:
        self._end.set()
        self.join()

    def join(self) -> None:
        self._thread.join(TIMEOUT_S)
        assert not self._thread.is_alive()


@pytest.fixture
def begun() -> threading.Semaphore:
    return threading.Semaphore(0)


def waited(begun: threading.Semaphore, *, for_decisions: int) -> None:
    for _ in range(for_decisions):
        assert begun.acquire(timeout=TIMEOUT_S)


def test_no_more_decisions_are_worked_on_than_there_are_slots(begun: threading.Semaphore) -> None:
    work = Work(slots=2)
    decisions = [Decision(work, begun=begun) for _ in range(6)]
    for left in (6, 5, 4, 3):
        waited(begun, for_decisions=2 if left == 6 else 1)
        at_work = [decision for decision in decisions if decision.has_begun]
        assert len(at_work) == 2
        decisions.remove(at_work[0])
        at_work[0].end()
    waited(begun, for_decisions=1)
    for decision in decisions:
        decision.end()
    assert work.is_idle


def test_a_process_that_ends_begins_nothing_and_lets_go_on_what_was_begun(
    begun: threading.Semaphore,
) -> None:
    work = Work(slots=1)
    first = Decision(work, begun=begun)
    waited(begun, for_decisions=1)
    waiting = [Decision(work, begun=begun) for _ in range(3)]
    work.close()
    for decision in waiting:
        decision.join()
    assert [decision.was_refused for decision in waiting] == [True, True, True]
    assert not work.is_idle
    first.end()
    assert first.has_begun
    assert not first.was_refused
    assert work.is_idle


def test_nothing_begins_after_the_end() -> None:
    work = Work(slots=1)
    work.close()
    with pytest.raises(SystemExit, match="begins no more work"), work.slot():
        pytest.fail("a decision was begun")
    assert work.is_idle


def test_the_command_line_promises_no_more_at_once_than_a_worker_takes() -> None:
    assert CONCURRENCY_MAX == TAKEN_MAX
