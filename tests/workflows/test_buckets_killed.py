"""A bucket's server may die at any time: no row ever names an object that is not there.

The times are drawn by chance from a fixed seed; `KILL_SEED_IN_TESTS` gives others.
"""

import random
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest
from tests.postgres_server import Cluster, running_cluster
from tests.s3_server import S3Server, running_s3
from tests.workflows.remote import SEED, Remote, failing, finish, new_remote, pause

pytestmark = pytest.mark.service

AWAY_S: Final = (0.5, 2.0)
"""How long the store is away: far less than it is asked again for."""

FAILED: Final = "SELECT error_kind, error_message FROM tapetrail.decisions WHERE status = 'failed'"


@pytest.fixture
def remote(tmp_path: Path, cluster: Cluster) -> Generator[Remote]:
    """A record whose bucket dies with nobody else's."""
    with running_s3(tmp_path / "mortal") as s3, running_cluster(cluster.bin_dir) as own:
        yield new_remote(tmp_path / "far", own, s3)


@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=pytest.mark.torture)])
def test_a_store_that_is_killed_and_comes_back_loses_no_object_and_no_decision(
    remote: Remote, kills: int
) -> None:
    chance = random.Random(SEED)  # noqa: S311 # the same times every time
    loads = failing(remote, lambda: kill_and_start(remote.s3, chance), times=kills)
    assert remote.rows(FAILED) == []
    assert [load.code for load in loads] == [0] * len(loads), loads
    finish(remote, loads)
    remote.assert_whole(len(loads))


def kill_and_start(s3: S3Server, chance: random.Random) -> bool:
    s3.kill()
    pause(chance, *AWAY_S)
    s3.start()
    return True
