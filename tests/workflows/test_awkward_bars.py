"""Bars that are halted, negative, weekly, holed or old are decided on rightly, or not at all."""

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pytest
from tests.homes import copy_home

import tapetrail
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Days
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.interface import OpenRecord
from tapetrail.sources.calendars import load_calendar
from tapetrail.usecases.planning import RunQuery

pytestmark = pytest.mark.service

INPUTS: Final = Path(__file__).parents[1] / "inputs"
OWN: Final = {"exchange": "XNYS", "currency": "USD", "adjustment": "split"}
OIL: Final = {
    "exchange": "NYMEX",
    "currency": "USD",
    "adjustment": "raw",
    "calendar": "CMES",
    "volume_unit": "contracts",
    "asset_class": "future",
}
Row = Mapping[str, Any]


@pytest.fixture(scope="module")
def record(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[OpenRecord]:
    home = tmp_path_factory.mktemp("awkward") / "home"
    copy_home(prepared_home, home)
    with tapetrail.open_record(home) as opened:
        yield opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision with its rows, and the documents that its charts and analyses are."""

    row: Row
    related: Mapping[str, Sequence[Row]]
    specs: Mapping[str, Row]
    replies: Mapping[str, Row]

    @property
    def failure(self) -> tuple[object, object]:
        return self.row["failed_stage"], self.row["error_kind"]

    def snapshot(self, timeframe: str = "1d") -> Row:
        return next(row for row in self.related["snapshots"] if row["timeframe"] == timeframe)

    def rules(self, question: str = "chart:1d") -> Mapping[str, Row]:
        return {rule["name"]: rule for rule in self.replies[question]["rules"]}

    def series(self, name: str, timeframe: str = "1d") -> Sequence[float]:
        panels = self.specs[timeframe]["panels"]
        found = [s for panel in panels for s in panel["series"] if s["name"] == name]
        return cast("Sequence[float]", found[0]["values"]) if found else []


def strategy(
    source: Path | str, *, data: Mapping[str, object] = OWN, symbol: str = "ACME", **more: object
) -> Mapping[str, object]:
    return {
        "name": "awkward",
        "instruments": [symbol],
        "source": f"file:{source}",
        "data": data,
        **more,
    }


def decide(
    record: OpenRecord, *asked: Mapping[str, object] | tuple[Mapping[str, object], date]
) -> list[Decided]:
    """Return what came of strategies, some as of a date, decided on by one engine."""
    dated = [each if isinstance(each, tuple) else (each, None) for each in asked]
    queries = [
        RunQuery(spec=parse_strategy(content, place="awkward"), as_of_on=as_of)
        for content, as_of in dated
    ]
    return [_decided(record, ran.execution_id) for ran in record.runs.carry_out(queries)]


def _decided(record: OpenRecord, execution_id: int) -> Decided:
    (listed,) = record.rows("decisions", execution_id=execution_id)
    detail = record.detail("decisions", cast("int", listed["id"]))
    return Decided(
        row={**detail.columns, **listed},
        related=detail.related,
        specs={
            row["timeframe"]: json.loads(record.blob(row["spec_digest"]))
            for row in cast("Sequence[Row]", detail.related["charts"])
        },
        replies={
            row["question"]: json.loads(row["response_text"])
            for row in cast("Sequence[Row]", detail.related["analyses"])
        },
    )


@contextmanager
def refused(record: OpenRecord) -> Generator[list[str]]:
    """Give what a run is refused with; nothing is written."""
    before, said = record.status(), list[str]()
    with pytest.raises(InvalidInput) as caught:
        yield said
    said.append(caught.value.message)
    assert record.status() == before


def sessions(*, count: int = 700, until: str = "2024-06-28", name: str = "XNYS") -> Days:
    days = load_calendar(name).sessions
    return days[days <= np.datetime64(until)][-count:]


def written(
    folder: Path,
    days: Days,
    *,
    name: str = "prices.csv",
) -> Path:
    """Write plausible bars of these days; return where."""
    at = np.arange(len(days))
    prices = np.round(100 + 10 * np.sin(at / 25) + at / 50, 2)
    path = folder / name
    lines = [
        f"{day},{c:.2f},{c + 1:.2f},{c - 1:.2f},{c:.2f},{1000 + v}\n"
        for v, (day, c) in enumerate(zip(days, prices, strict=True))
    ]
    path.write_text("Date,Open,High,Low,Close,Volume\n" + "".join(lines), encoding="utf-8")
    return path


def without(days: Days, *gone: tuple[str, str]) -> Days:
    for first, last in gone:
        days = days[(days < np.datetime64(first)) | (days > np.datetime64(last))]
    return days


def test_a_share_that_has_not_moved_for_300_sessions_is_held(record: OpenRecord) -> None:
    (found,) = decide(record, strategy(INPUTS / "halted.csv"))
    assert (found.row["status"], found.row["signal_type"]) == ("completed", "HOLD")
    rules = found.rules()
    for name in ("close_against_sma_20", "close_against_sma_50", "close_against_sma_200"):
        assert rules[name]["outcome"] == "neutral"
        assert set(rules[name]["numbers"].values()) == {"12.53"}
    assert rules["sma_50_against_sma_200"]["outcome"] == "neutral"
    assert found.series("atr")[-1] == 0
    assert found.snapshot()["missing_sessions"] == 0
    # Its last volumes are 0, which is a volume.
    drawn = found.specs["1d"]
    assert "Zero volume, left out: volume, OBV" in drawn["notes"]


def test_a_price_below_zero_is_read_where_the_asset_class_has_such(record: OpenRecord) -> None:
    spec = strategy(INPUTS / "negative.csv", data=OIL, symbol="CL=F")
    after, then = decide(record, (spec, date(2020, 5, 29)), (spec, date(2020, 4, 20)))
    assert after.row["status"] == "completed"
    assert after.row["signal_type"] in {"BUY", "SELL", "HOLD"}
    assert min(after.specs["1d"]["low"]) == -40.32
    assert after.specs["1d"]["panels"][0]["scale"] == "linear"
    assert (then.row["status"], then.row["signal_type"]) == ("completed", "HOLD")
    with refused(record) as said:
        record.run(strategy(INPUTS / "negative.csv", data={**OIL, "asset_class": "equity"},
                            symbol="CL=F"))  # fmt: skip
    assert "line 472: session 2020-04-20" in said[0]
    assert "prices lie above 0" in said[0]


def test_weekly_bars_are_never_taken_for_daily_ones(record: OpenRecord) -> None:
    with refused(record) as said:
        record.run(strategy(INPUTS / "weekly.csv"))
    assert "four of five sessions have no bar, these look like weekly bars" in said[0]


def test_a_halt_shortens_no_chart_and_is_named(record: OpenRecord) -> None:
    source = INPUTS / "halt.csv"
    declared = {**OWN, "halts": {"ACME": ["2022-11-23..2024-02-05"]}}
    alone, halted, warned, both = decide(
        record,
        strategy(source, timeframes=["1d"]),
        strategy(source, timeframes=["1d"], data=declared),
        strategy(source, timeframes=["1d"], data_quality={"on_breach": "warn"}),
        strategy(source, timeframes=["1d", "1w"], data=declared),
    )
    assert alone.failure == ("bars", "missing_sessions")
    assert "2022-11-23 to 2024-02-05 (300 sessions)" in alone.row["error_message"]
    assert not alone.related["signals"]
    assert [each.row["status"] for each in (halted, warned, both)] == ["completed"] * 3
    for each in (alone, halted, warned, both):
        assert each.snapshot()["bar_count"] == 450
        assert len(each.snapshot()["gaps"]) == 300
        assert each.series("sma_200")[-1] == 20.91255
        assert each.snapshot()["bars_digest"] == alone.snapshot()["bars_digest"]
    counted = [each.snapshot()["missing_sessions"] for each in (alone, halted, warned, both)]
    assert counted == [300, 0, 300, 0]
    assert any("300 of 750 sessions (40 %)" in note for note in warned.specs["1d"]["notes"])
    assert not any("have no bar" in note for note in halted.specs["1d"]["notes"])


def test_a_zero_price_is_refused_with_its_row_corrected_or_dropped(
    record: OpenRecord, tmp_path: Path
) -> None:
    with refused(record) as said:
        record.run(strategy(INPUTS / "zero.csv", timeframes=["1d"]))
    assert "line 32: open 0.0, high 0.0, low 0.0, close 0.0" in said[0]
    content = (INPUTS / "zero.csv").read_text(encoding="utf-8")
    path = tmp_path / "corrected.csv"
    path.write_text(content.replace("2022-10-12,0.0,0.0,0.0,0.0", "2022-10-12" + ",100.11" * 4))
    day = date(2023, 7, 3)
    data = {**OWN, "missing_prices": "drop"}
    corrected, dropped = decide(
        record,
        (strategy(path, timeframes=["1d"]), day),
        (strategy(INPUTS / "zero.csv", timeframes=["1d"], data=data), day),
    )
    assert corrected.series("sma_200")[-1] == pytest.approx(93.139, abs=5e-4)
    closes = [float(row.split(",")[4]) for row in content.splitlines()[1:212]]
    last = [close for close in closes if close][-200:]
    assert dropped.series("sma_200")[-1] == pytest.approx(sum(last) / 200, rel=1e-9)
    assert (dropped.snapshot()["dropped_rows"], dropped.row["missing_sessions"]) == (1, 1)


def test_a_price_that_no_market_has_is_a_reason_with_its_row(
    record: OpenRecord, tmp_path: Path
) -> None:
    path = written(tmp_path, sessions())
    content = path.read_text(encoding="utf-8").splitlines()
    cells = content[600].split(",")
    content[600] = ",".join([cells[0], cells[1], "1e308", *cells[3:]])
    path.write_text("\n".join(content), encoding="utf-8")
    with refused(record) as said:
        record.run(strategy(path))
    assert f"line 601: session {cells[0]}" in said[0]
    assert "prices lie below 1e+15" in said[0]


def test_ten_sessions_missing_in_two_months_fail_and_a_few_warn(
    record: OpenRecord, tmp_path: Path
) -> None:
    days = sessions()
    many = written(tmp_path, np.setdiff1d(days, days[-40:-1:4]), name="many.csv")
    some = written(tmp_path, np.setdiff1d(days, days[-40:-1:8]), name="some.csv")
    found, few = decide(record, strategy(many, timeframes=["1d"]), strategy(some))
    assert found.failure == ("bars", "missing_sessions")
    assert "10 of 460 sessions (2.17 %)" in found.row["error_message"]
    assert "at most 2 % may be missing" in found.row["error_message"]
    assert (few.row["status"], few.row["missing_sessions"]) == ("completed", 5)
    assert any("5 of 455 sessions" in note for note in few.specs["1d"]["notes"])


def test_a_run_of_missing_sessions_fails_however_few_they_are(
    record: OpenRecord, tmp_path: Path
) -> None:
    path = written(tmp_path, without(sessions(), ("2024-03-04", "2024-03-11")))
    found, wider = decide(
        record,
        strategy(path, timeframes=["1d"]),
        strategy(path, data_quality={"max_gap_sessions": 6}),
    )
    assert found.failure == ("bars", "missing_sessions")
    assert "2024-03-04 to 2024-03-11 (6 sessions); at most 5 in a row" in found.row["error_message"]
    assert wider.row["status"] == "completed"


def test_days_of_the_week_that_never_have_a_bar_are_named(
    record: OpenRecord, tmp_path: Path
) -> None:
    days = sessions(count=1200)
    weekdays = (days.astype(np.int64) + 3) % 7
    two_a_week = written(tmp_path, days[np.isin(weekdays, (0, 4))], name="two.csv")
    ever = sessions(count=900, name="24/7")
    five_a_week = written(tmp_path, ever[(ever.astype(np.int64) + 3) % 7 < 5], name="five.csv")
    open_ever = {**OWN, "exchange": "BINANCE", "calendar": "24/7"}
    found, coin = decide(
        record,
        strategy(two_a_week, timeframes=["1d"]),
        strategy(five_a_week, timeframes=["1d"], data=open_ever),
    )
    assert found.failure == coin.failure == ("bars", "missing_sessions")
    assert "none on Tuesdays, Wednesdays and Thursdays" in found.row["error_message"]
    assert "none on Saturdays and Sundays" in coin.row["error_message"]


def test_a_share_that_was_listed_lately_misses_nothing(record: OpenRecord, tmp_path: Path) -> None:
    path = written(tmp_path, sessions(count=90))
    (found,) = decide(record, strategy(path, timeframes=["1d"]))
    assert (found.row["status"], found.row["missing_sessions"]) == ("completed", 0)
    assert found.snapshot()["bar_count"] == 90


def test_bars_that_end_before_the_run_warn_and_fail_where_the_strategy_says_so(
    record: OpenRecord, tmp_path: Path
) -> None:
    path = written(tmp_path, sessions())
    limited = strategy(path, data_quality={"max_age_sessions": 100})
    found, stale, asked = decide(record, strategy(path), limited, (limited, date(2024, 6, 28)))
    age = found.row["age_sessions"]
    assert (found.row["status"], found.row["missing_sessions"]) == ("completed", 0)
    assert age > 100  # they end in June 2024, and no date was asked for
    assert (
        f"Bars end early: {age} sessions were completed after the last one"
        in (found.specs["1d"]["notes"])
    )
    assert stale.failure == ("bars", "stale_bars")
    assert f"{stale.row['age_sessions']} sessions were completed" in stale.row["error_message"]
    assert len(stale.specs) == 2
    assert (asked.row["status"], asked.row["age_sessions"]) == ("completed", 0)
    assert not any("end early" in note for note in asked.specs["1d"]["notes"])


def test_a_run_keeps_what_it_was_held_against(record: OpenRecord, tmp_path: Path) -> None:
    path = written(tmp_path, sessions())
    spec = strategy(path, timeframes=["1d"])
    configs = [
        cast("Row", record.detail("executions", each.row["execution_id"]).columns["config"])
        for each in decide(record, spec, (spec, date(2024, 6, 28)))
    ]
    said = {name: text for name, text in configs[0].items() if name.startswith("data_quality.")}
    assert said == {
        "data_quality.max_missing_pct": "2",
        "data_quality.max_gap_sessions": "5",
        "data_quality.max_age_sessions": "null",
        "data_quality.on_breach": "fail",
    }
    assert "began_at" in configs[0]
    assert "began_at" not in configs[1]


def test_bars_of_a_session_that_has_not_begun_are_refused(
    record: OpenRecord, tmp_path: Path
) -> None:
    days = np.append(sessions(), np.datetime64("2039-03-04"))
    with refused(record) as said:
        record.run(strategy(written(tmp_path, days)))
    assert "there is a bar of 2039-03-04, a session that begins at 2039-03-04T14:30" in said[0]


def test_halts_of_a_symbol_without_bars_are_refused(record: OpenRecord, tmp_path: Path) -> None:
    data = {**OWN, "symbol": "ACME", "halts": {"AMCE": ["2024-01-02"]}}
    with refused(record) as said:
        record.run(strategy(written(tmp_path, sessions()), data=data))
    assert "halts of AMCE" in said[0]
