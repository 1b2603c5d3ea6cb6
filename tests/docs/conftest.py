"""One record for all pages: the first and the last week of the demo, and bars of one's own."""

from collections.abc import Generator
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from tests.homes import copy_home

from tapetrail import bootstrap
from tapetrail.core.records.states import RunType
from tapetrail.settings import read_settings
from tapetrail.sources.calendars import load_calendar
from tapetrail.store.private.server import PrivateServer
from tapetrail.strategy_files import bundled_strategy
from tapetrail.usecases.planning import RunQuery

DATES: Final = (date(2012, 6, 8), date(2012, 11, 30))
BARS: Final = 700


@pytest.fixture(scope="session")
def recorded(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """Give a home recorded as `tapetrail demo` does it, its server up for as long as the session.

    The numbers of executions and decisions are those of the demo in its first week.
    """
    home = tmp_path_factory.mktemp("docs") / "home"
    copy_home(prepared_home, home)
    environment = {"TAPETRAIL_HOME": str(home), "TAPETRAIL_ACTOR": "demo"}
    settings = read_settings(environment, working_folder=home.parent)
    spec = bundled_strategy()
    queries = [
        RunQuery(spec=spec, as_of_on=day, run_type=RunType.BACKFILL, workflow_id=f"demo:{day}")
        for day in DATES
    ]
    with PrivateServer(home=home).hold():
        with bootstrap.open_record(settings) as record:
            record.runs.carry_out(queries)
        yield home
    PrivateServer(home=home).stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that holds what pages call prices.csv: 700 made-up daily bars."""
    (tmp_path / "prices.csv").write_text(own_prices(), encoding="utf-8")
    return tmp_path


def own_prices() -> str:
    """Return plausible bars of the last sessions up to 2024-06-28, as CSV."""
    sessions = load_calendar("XNYS").sessions
    days = sessions[sessions <= np.datetime64("2024-06-28")][-BARS:]
    prices = 100 + 10 * np.sin(np.arange(BARS) / 25) + np.arange(BARS) / 50
    rows = [
        f"{day},{price:.2f},{price + 1:.2f},{price - 1:.2f},{price + 0.3:.2f},{1000 + at}\n"
        for at, (day, price) in enumerate(zip(days, prices, strict=True))
    ]
    return "Date,Open,High,Low,Close,Volume\n" + "".join(rows)
