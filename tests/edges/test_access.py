"""A record that is closed while another thread opens it lets its server go all the same."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from tapetrail.store.access import Access
from tapetrail.store.database import Database
from tapetrail.store.roles import PRIVATE


def test_what_is_opened_while_another_thread_closes_is_closed_too() -> None:
    opening, may_open = threading.Event(), threading.Event()
    left: list[str] = []

    @contextmanager
    def slow() -> Generator[Database]:
        opening.set()
        assert may_open.wait(10)
        yield Database(app_url="", reader_url="", owner_url="", roles=PRIVATE)
        left.append("server")

    access = Access(slow)
    threads = [threading.Thread(target=each) for each in (access.database, access.close)]
    threads[0].start()
    assert opening.wait(10)
    threads[1].start()
    # Who does not wait has closed by then.
    threads[1].join(0.2)
    may_open.set()
    for thread in threads:
        thread.join(10)
    assert left == ["server"]
