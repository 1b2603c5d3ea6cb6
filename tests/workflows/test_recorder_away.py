"""A record that cannot be reached: nothing acknowledged is lost, and nothing is there twice."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from tests.edges.waiting import wait_for
from tests.postgres_server import Cluster
from tests.tcp_proxy import Proxy, running_proxy
from tests.workflows.recordings import PNG, assert_sound, read

import tapetrail
from tapetrail.core.errors import EdgeFailure

pytestmark = pytest.mark.service

AWAY_S: Final = 0.4
TELLS: Final = """
import os, sys, tapetrail
recorder = tapetrail.recorder(sys.argv[1], agent="dies", on_error="spool", max_wait=0.3)
with recorder.execution("dies") as run:
    with run.decision("WHOLE") as decision:
        decision.log_input("read " * 100, kind="news")
        print(decision.log_signal("buy").is_recorded, flush=True)
    broken = run.decision("BROKEN")
    broken.begin()
    broken.log_analysis(agent="a", response="half")
    recorder.flush()
    os._exit(9)
"""


class Far:
    """A record on a server behind a network that can be cut, as programs here reach it."""

    def __init__(self, home: Path, proxy: Proxy, direct: dict[str, str]) -> None:
        self.home = home
        self.proxy = proxy
        self.direct = direct

    @property
    def spooled(self) -> list[Path]:
        folder = self.home / "spool"
        return sorted(folder.iterdir()) if folder.exists() else []

    def tapetrail(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run the command line, which reaches the server without the proxy."""
        command = [sys.executable, "-m", "tapetrail", *words]
        return subprocess.run(command, env=self.direct, capture_output=True, text=True, check=False)

    def decisions(self) -> list[tuple[object, ...]]:
        found = self.tapetrail("decisions", "--all", "--json")
        rows = json.loads(found.stdout)["data"]
        return [(row["symbol"], row["status"], row["error_kind"]) for row in reversed(rows)]


_NUMBERS: Final = count(1)


@pytest.fixture
def far(tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    name = f"told_{os.getpid()}_{next(_NUMBERS)}"
    url = cluster.new_customer(name, "CREATEROLE")
    home = tmp_path / "home"
    direct = {**os.environ, "TAPETRAIL_HOME": str(home), "TAPETRAIL_DATABASE_URL": url}
    command = [sys.executable, "-m", "tapetrail", "db", "upgrade"]
    subprocess.run(command, env=direct, check=True, capture_output=True)
    with running_proxy(cluster.port) as proxy:
        through = cluster.url(name, name, port=proxy.port)
        monkeypatch.setenv("TAPETRAIL_DATABASE_URL", through)
        yield Far(home, proxy, direct)


def wait_until_sent(far: Far) -> None:
    wait_for(lambda: not far.spooled)


def test_what_is_told_while_the_record_is_away_is_sent_when_it_is_back(far: Far) -> None:
    with (
        tapetrail.recorder(far.home, on_error="spool", max_wait=AWAY_S) as recorder,
        recorder.execution("far") as run,
    ):
        with run.decision("BEFORE") as decision:
            assert decision.log_signal("buy").is_recorded
        far.proxy.freeze()
        with run.decision("AWAY") as decision:
            decision.log_chart(PNG)
            receipt = decision.log_signal("sell")
            order = recorder.log_order(
                receipt, broker="b", mode="paper", client_order_id="1", status="new"
            )
        assert (receipt.is_recorded, order.is_recorded) == (False, False)
        assert len(far.spooled) == 2
        far.proxy.thaw()
        wait_until_sent(far)
        with run.decision("AFTER") as decision:
            assert decision.log_signal("hold").is_recorded
    assert far.decisions() == [
        (symbol, "completed", None) for symbol in ("BEFORE", "AWAY", "AFTER")
    ]
    assert len(read(far.home, "orders")) == 1
    assert [row["status"] for row in read(far.home, "executions")] == ["completed"]
    assert_sound(far.home)


def test_an_order_follows_its_decision_into_the_spool_though_the_record_is_back(far: Far) -> None:
    with (
        tapetrail.recorder(far.home, on_error="spool", max_wait=AWAY_S) as recorder,
        recorder.execution("far") as run,
    ):
        far.proxy.freeze()
        with run.decision("AWAY") as decision:
            receipt = decision.log_signal("sell")
            far.proxy.thaw()
            with run.decision("BACK") as other:
                wait_for(lambda: other.log_signal("hold", role="proposal").is_recorded)
                other.log_signal("hold")
            order = recorder.log_order(
                receipt, broker="b", mode="live", client_order_id="1", status="new"
            )
        assert (receipt.is_recorded, order.is_recorded) == (False, False)
        wait_until_sent(far)
    (told,) = read(far.home, "orders")
    assert told["client_order_id"] == "1"
    assert {each[:2] for each in far.decisions()} == {("AWAY", "completed"), ("BACK", "completed")}
    assert_sound(far.home)


def test_a_decision_that_was_begun_before_goes_to_the_spool_as_a_whole(far: Far) -> None:
    with tapetrail.recorder(far.home, on_error="spool", max_wait=AWAY_S) as recorder:
        run = recorder.execution("far")
        with run.decision("HALF") as decision:
            decision.log_chart(PNG)
            recorder.flush()
            far.proxy.freeze()
            assert not decision.log_signal("buy").is_recorded
        far.proxy.thaw()
        wait_until_sent(far)
    assert far.decisions() == [("HALF", "completed", None)]
    assert len(read(far.home, "charts")) == 1
    assert_sound(far.home)


def test_without_a_spool_a_durable_point_says_so_in_time_and_nothing_is_lost(far: Far) -> None:
    with tapetrail.recorder(far.home, max_wait=AWAY_S) as recorder:
        run = recorder.execution("far")
        decision = run.decision("RAISED")
        decision.begin()
        far.proxy.freeze()
        began = time.monotonic()
        with pytest.raises(EdgeFailure, match="not recorded"):
            decision.log_signal("buy")
        assert time.monotonic() - began < AWAY_S + 2
        # Raising after an order is live helps nobody.
        order = recorder.log_order(decision, broker="b", mode="live", client_order_id="1",
                                   status="new")  # fmt: skip
        assert not order.is_recorded
        far.proxy.thaw()
        wait_until_sent(far)
        recorder.flush(10)
        decision.conclude()
        run.end()
    assert far.decisions() == [("RAISED", "completed", None)]
    assert len(read(far.home, "orders")) == 1


def test_what_a_dead_program_left_in_the_spool_is_sent_once_however_often(far: Far) -> None:
    far.proxy.freeze()
    program = [sys.executable, "-c", TELLS, str(far.home)]
    found = subprocess.run(program, env={**os.environ}, capture_output=True, text=True, check=False)
    assert found.stdout == "False\n", found.stderr
    far.proxy.thaw()
    listed = far.tapetrail("spool", "list", "--json")
    rows = json.loads(listed.stdout)["data"]
    assert [(row["about"], row["state"], row["files"]) for row in rows] == [
        ("WHOLE", "whole", 1), ("BROKEN", "broken off", 0),
    ]  # fmt: skip
    kept = far.home / "kept"
    shutil.copytree(far.home / "spool", kept)
    for _ in range(2):
        sent = far.tapetrail("spool", "send")
        assert (sent.returncode, sent.stdout) == (0, "sent 2 of 2\n"), sent.stderr
        assert far.decisions() == [
            ("WHOLE", "completed", None), ("BROKEN", "failed", "abandoned"),
        ]  # fmt: skip
        shutil.copytree(kept, far.home / "spool")
    assert_sound(far.home)


KEYED: Final = """
import os, sys, tapetrail
recorder = tapetrail.recorder(sys.argv[1], agent="dies", on_error="spool", max_wait=0.3)
run = recorder.execution("dies", key="run")
decision = run.decision("KEYED", key="one")
decision.begin()
print(decision.log_signal("buy").is_recorded, flush=True)
os._exit(9)
"""


def test_what_a_dead_program_told_under_a_key_is_sent_though_another_one_ended_it(
    far: Far,
) -> None:
    far.proxy.freeze()
    program = [sys.executable, "-c", KEYED, str(far.home)]
    found = subprocess.run(program, env={**os.environ}, capture_output=True, text=True, check=False)
    assert found.stdout == "False\n", found.stderr
    far.proxy.thaw()
    with (
        tapetrail.recorder(far.home, agent="dies", spool=far.home / "other") as recorder,
        recorder.execution("dies", key="run") as run,
        run.decision("KEYED", key="one") as decision,
    ):
        decision.log_signal("sell")
    kept = far.home / "kept"
    shutil.copytree(far.home / "spool", kept)
    for _ in range(2):
        sent = far.tapetrail("spool", "send")
        assert (sent.returncode, sent.stdout) == (0, "sent 1 of 1\n"), sent.stderr
        assert far.decisions() == [("KEYED", "completed", None), ("KEYED", "failed", "abandoned")]
        shutil.copytree(kept, far.home / "spool")
    assert [row["signal_type"] for row in read(far.home, "signals")] == ["SELL", "BUY"]
    assert len(read(far.home, "executions")) == 2
    assert_sound(far.home)


def test_what_was_given_up_meanwhile_becomes_a_decision_beside_it(
    far: Far, cluster: Cluster
) -> None:
    with tapetrail.recorder(far.home, on_error="spool", max_wait=AWAY_S, agent="late") as recorder:
        with recorder.execution("far", key="run") as run, run.decision("LATE", key="k") as decision:
            decision.log_chart(PNG)
            recorder.flush()
            far.proxy.freeze()
            decision.log_signal("buy")
            database = str(far.direct["TAPETRAIL_DATABASE_URL"]).rpartition("/")[2]
            cluster.execute(
                "UPDATE tapetrail.recording_leases SET expires_at = now() - interval '1 hour'",
                database=database,
            )
            far.tapetrail("spool", "send", "--from", "nowhere")
            with pytest.warns(UserWarning, match="lie in the spool"), other_recorder(far):
                pass
            assert far.decisions() == [("LATE", "failed", "abandoned")]
        far.proxy.thaw()
        wait_until_sent(far)
    assert far.decisions() == [("LATE", "failed", "abandoned"), ("LATE", "completed", None)]
    (note,) = read(far.home, "notes")
    assert "told later as decision 2" in note["text"]
    assert_sound(far.home)


def other_recorder(far: Far) -> Any:
    """Another program, which reaches the server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAPETRAIL_DATABASE_URL", far.direct["TAPETRAIL_DATABASE_URL"])
        return tapetrail.recorder(far.home, agent="other")


def test_a_full_disk_is_said_and_leaves_no_half_line(far: Far) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with tapetrail.recorder(far.home, on_error="spool", max_wait=AWAY_S) as recorder:
        run = recorder.execution("far")
        far.proxy.freeze()
        decision = run.decision("FULL")
        decision.begin()
        decision.log_input("x" * 100_000)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        try:
            with pytest.raises(EdgeFailure, match="File too large"):
                decision.log_signal("buy")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        decision.conclude()
        run.end()
        far.proxy.thaw()
        wait_until_sent(far)
    assert far.decisions() == [("FULL", "completed", None)]
    assert_sound(far.home)
