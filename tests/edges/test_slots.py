"""At most so many calls at a time, over processes that work, die or lose their connection."""

import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Self

import psycopg
import pytest
from tests.edges.waiting import wait_for

from tapetrail.core.errors import EdgeFailure
from tapetrail.store.connections import connect
from tapetrail.store.private.server import ServerAddress
from tapetrail.store.slots import Slots

pytestmark = pytest.mark.service

HOLDER: Final = Path(__file__).parent / "slot_holder.py"


def never() -> bool:
    return False


@pytest.fixture
def url(server: ServerAddress) -> str:
    return server.url("postgres")


@pytest.fixture
def slots(url: str) -> Generator[Slots]:
    made = Slots(url, chance=lambda: 0.5)
    yield made
    made.close()


def holder(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HOLDER), *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


def most_at_once(files: list[Path]) -> int:
    spans = [
        (float(line.split()[0]), float(line.split()[1]))
        for file in files
        for line in file.read_text().splitlines()
    ]
    changes = sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans])
    now, most = 0, 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def locks(url: str) -> int:
    with connect(url) as connection:
        counted = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"
        ).fetchone()
    assert counted is not None
    return int(counted[0])


def end_holders(url: str) -> None:
    with connect(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks"
            " WHERE locktype = 'advisory' AND objsubid = 2"
        )


def test_two_processes_never_hold_more_than_there_are(url: str, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a", "b")]
    workers = [holder(url, "p@x", 7, 20, 6, file) for file in files]
    for worker in workers:
        worker.communicate(timeout=60)
    assert [worker.returncode for worker in workers] == [0, 0]
    spans = [len(file.read_text().splitlines()) for file in files]
    assert spans == [120, 120]
    assert most_at_once(files) == 7
    assert locks(url) == 0


def test_a_killed_process_frees_what_it_held(url: str, slots: Slots, tmp_path: Path) -> None:
    other = holder(url, "k@x", 3, 3, 0, tmp_path / "unused")
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    got = threading.Event()

    def wait_for_one() -> None:
        with slots.take("k@x", slots_max=3, is_ending=never):
            got.set()

    waiting = threading.Thread(target=wait_for_one)
    waiting.start()
    # Another provider's slots are free meanwhile.
    with slots.take("l@x", slots_max=1, is_ending=never):
        assert not got.is_set()
    other.kill()
    assert got.wait(10)
    waiting.join()
    other.communicate()


def test_a_hundred_waiting_threads_take_turns_on_one_connection(url: str, slots: Slots) -> None:
    held, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal held, most
        with slots.take("h@x", slots_max=40, is_ending=never):
            with lock:
                held += 1
                most = max(most, held)
            threading.Event().wait(0.01)
            with lock:
                held -= 1

    workers = [threading.Thread(target=work) for _ in range(100)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most <= 40
    assert locks(url) == 0


class TriesOnce:
    """Lets who waits be tried for at once, and then not for days; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> float:
        self.asked += 1
        return 1e6


class Second:
    """Who waits for the one slot in a thread of its own, and was tried for in vain."""

    def __init__(self, slots: Slots, chance: TriesOnce) -> None:
        self.got, self.may_end = threading.Event(), threading.Event()
        self._slots, self._chance = slots, chance
        self._thread = threading.Thread(target=self._take)

    def _take(self) -> None:
        with (
            suppress(SystemExit),
            self._slots.take("s@x", slots_max=1, is_ending=never),
        ):
            self.got.set()
            self.may_end.wait(10)

    def __enter__(self) -> Self:
        before = self._chance.asked
        self._thread.start()
        # Once for which slot to begin with, and once for how long to wait.
        wait_for(lambda: self._chance.asked == before + 2)
        return self

    def __exit__(self, *_: object) -> None:
        self.may_end.set()
        self._thread.join()


def test_a_slot_is_handed_on_within_a_process_and_stays_locked(url: str) -> None:
    chance = TriesOnce()
    slots = Slots(url, chance=chance)
    with ExitStack() as first:
        first.enter_context(slots.take("s@x", slots_max=1, is_ending=never))
        with Second(slots, chance) as second:
            first.close()
            assert second.got.wait(10)
            assert locks(url) == 1
    assert locks(url) == 0
    slots.close()


def test_a_slot_that_one_process_had_for_long_is_let_go_of_for_others(url: str) -> None:
    chance = TriesOnce()
    slots = Slots(url, chance=chance, handed_on_s=0)
    with ExitStack() as first:
        first.enter_context(slots.take("s@x", slots_max=1, is_ending=never))
        with Second(slots, chance) as second:
            first.close()
            assert locks(url) == 0
            assert not second.got.is_set()
            slots.close()
    assert not second.got.is_set()


def test_who_waits_gives_up_when_the_process_ends(slots: Slots) -> None:
    ending = threading.Event()
    with slots.take("e@x", slots_max=1, is_ending=never):
        ending.set()
        with (
            pytest.raises(SystemExit, match="takes no more slots"),
            slots.take("e@x", slots_max=1, is_ending=ending.is_set),
        ):
            pytest.fail("there was none")
    slots.close()
    with (
        pytest.raises(SystemExit),
        slots.take("e@x", slots_max=1, is_ending=never),
    ):
        pytest.fail("they were closed")


def test_a_failed_call_gives_its_slot_back(url: str, slots: Slots) -> None:
    with (
        pytest.raises(ValueError, match="as it is"),
        slots.take("f@x", slots_max=1, is_ending=never),
    ):
        raise ValueError("as it is")
    with slots.take("f@x", slots_max=1, is_ending=never):
        assert locks(url) == 1


def test_a_lost_connection_is_replaced_with_what_was_held(url: str, slots: Slots) -> None:
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(slots.take("c@x", slots_max=3, is_ending=never))
        end_holders(url)
        assert locks(url) == 0
        held.enter_context(slots.take("c@x", slots_max=3, is_ending=never))
        assert locks(url) == 3
        end_holders(url)
    # What was held when the connection was lost is let go without one.
    wait_for(lambda: locks(url) == 0)
    with slots.take("c@x", slots_max=1, is_ending=never):
        assert locks(url) == 1


def test_what_is_held_is_locked_again_though_nobody_asks(url: str) -> None:
    slots = Slots(url, chance=lambda: 0.0, ping_s=0.02)
    with slots.take("i@x", slots_max=1, is_ending=never):
        end_holders(url)
        wait_for(lambda: locks(url) == 1)
    slots.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_is_told_to_who_waits_and_the_next_is_served(slots: Slots) -> None:
    broken_in: list[threading.Thread] = []

    def broken() -> bool:
        broken_in.append(threading.current_thread())
        raise ValueError("broken on purpose")

    with (
        pytest.raises(EdgeFailure, match="broken on purpose"),
        slots.take("d@x", slots_max=1, is_ending=broken),
    ):
        pytest.fail("nobody could say whether the process ends")
    # What a thread leaves unhandled is of the test in which it ends.
    broken_in[0].join(30)
    with slots.take("d@x", slots_max=1, is_ending=never):
        pass


def test_a_server_that_is_away_is_an_edge_failure() -> None:
    slots = Slots("postgresql://nobody@127.0.0.1:1/nothing", chance=lambda: 0.0)
    with (
        pytest.raises(EdgeFailure, match="did not answer"),
        slots.take("a@x", slots_max=1, is_ending=never),
    ):
        pytest.fail("there is no server")
    slots.close()
    assert psycopg.threadsafety == 2
