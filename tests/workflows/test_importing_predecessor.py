"""The predecessor's record is taken over: each row accounted for, and nothing made of a failure."""

import dataclasses
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests import predecessor
from tests.edges.waiting import wait_for
from tests.homes import copy_home, server_of
from tests.postgres_server import Cluster
from tests.workflows.conftest import Home
from tests.workflows.recordings import assert_sound, read

import tapetrail
from tapetrail import bootstrap, upkeep
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.core.legacy.account import Account
from tapetrail.core.legacy.columns import Table
from tapetrail.settings import Settings, read_settings
from tapetrail.store.private.binaries import find_program

pytestmark = pytest.mark.service

EXECUTIONS = 40
FAULTS = {
    Table.CHARTS: ("its image is not there",),
    Table.SIGNALS: ("neither BUY, SELL nor HOLD", "it names no symbol"),
    Table.CACHE: ("nested more than 100 deep",),
}


@dataclass(frozen=True)
class Old:
    """A predecessor's database, what is in it, and its objects as files."""

    url: str
    told: predecessor.Story
    objects: Path


@pytest.fixture(scope="module")
def old(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Old:
    folder = tmp_path_factory.mktemp("old")
    return make_old(cluster, "old_predecessor", executions=EXECUTIONS, folder=folder)


def make_old(cluster: Cluster, name: str, *, executions: int, folder: Path) -> Old:
    url, told = cluster.new_customer(name), predecessor.story(executions)
    predecessor.fill(url, told)
    return Old(url=url, told=told, objects=predecessor.objects(folder / "objects", told))


@pytest.fixture(scope="module")
def imported(
    old: Old, prepared_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Account]]:
    home = tmp_path_factory.mktemp("imported") / "home"
    copy_home(prepared_home, home)
    with server_of(home).hold():
        yield home, take(home, old)


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path) -> Iterator[Path]:
    copy_home(prepared_home, tmp_path / "home")
    with server_of(tmp_path / "home").hold():
        yield tmp_path / "home"


def settings_of(home: Path) -> Settings:
    return read_settings({"TAPETRAIL_HOME": str(home)}, working_folder=home.parent)


def take(home: Path, old: Old, **changed: Any) -> Account:
    asked: dict[str, Any] = {
        "objects": old.objects,
        "zone": "UTC",
        "source": "predecessor",
        "is_dry": False,
    }
    return upkeep.import_predecessor(settings_of(home), old.url, **{**asked, **changed})


def counts(account: Account) -> dict[str, Mapping[str, int]]:
    return {table.value: account.of(table) for table in Table}


def config_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return row["config"]["predecessor"]


def signals_of(home: Path) -> list[dict[str, Any]]:
    with tapetrail.open_record(home) as record:
        return [
            {**record.detail("signals", int(str(row["id"]))).columns}
            for row in record.rows("signals")
        ]


def test_every_row_is_accounted_for(old: Old, imported: tuple[Path, Account]) -> None:
    home, account = imported
    there = {name: len(rows) for name, rows in old.told.rows.items()}
    assert {name: of["found"] for name, of in counts(account).items()} == {
        table.value: there[table] for table in Table
    }
    assert account.others == {"orders": 1, "workflows": 1}
    for table in Table:
        of = account.of(table)
        reasons = [each.reason for each in account.not_taken if each.table is table]
        assert len(reasons) == of["not_taken"]
        assert all(any(said in reason for said in FAULTS[table]) for reason in reasons)
    taken = {name: of["taken"] for name, of in counts(account).items()}
    assert len(read(home, "charts")) == taken["charts"]
    assert len(read(home, "analyses")) == taken["llm_analyses"]
    assert len(read(home, "signals")) == taken["trading_signals"]
    assert len(read(home, "executions")) == EXECUTIONS + 1  # those of none have one of their own


def test_what_was_taken_over_is_whole_and_sealed(imported: tuple[Path, Account]) -> None:
    assert_sound(imported[0])
    with tapetrail.open_record(imported[0]) as record:
        assert record.verify(deep=True).is_whole


def test_a_signal_made_up_after_a_failure_is_recognisable_and_counts_nowhere(
    imported: tuple[Path, Account],
) -> None:
    found = signals_of(imported[0])
    unbacked = [each for each in found if "legacy_unbacked" in each["strategy_metadata"]]
    assert {each["role"] for each in unbacked} == {"proposal"}
    assert {each["strategy_metadata"]["legacy_unbacked"] for each in unbacked} == {True}
    why = {each["strategy_metadata"]["legacy_unbacked_because"] for each in unbacked}
    assert {re.sub("[0-9]+", "N", each) for each in why} == {
        "its analysis N failed", "its analysis N is later than it",
        "it names no analysis, and belongs to no run",
        "it names no analysis, and none came before it",
    }  # fmt: skip
    inferred = [each for each in found if "legacy_analysis_inferred" in each["strategy_metadata"]]
    assert {each["symbol"] for each in inferred} == {"AAPL", "TSLA"}
    assert sum(each["role"] == "deciding" for each in found) == len(
        read(imported[0], "decisions", status="completed")
    )
    with bootstrap.open_record(settings_of(imported[0])) as record:
        by_symbol = {row.key: row for row in record.stats.spend(by="symbol")}
        runs = record.rows("executions", symbol="IBM")
    assert (by_symbol["IBM"].answers, by_symbol["IBM"].signals) == (EXECUTIONS // 10, 0)
    assert (by_symbol["AAPL"].asked, by_symbol["AAPL"].signals) == (2 * EXECUTIONS // 10 + 1, 1)
    assert {row["signals"] for row in runs} == {0}


def test_a_decision_without_an_answer_failed_for_what_the_analysis_says(
    imported: tuple[Path, Account],
) -> None:
    failed = read(imported[0], "decisions", symbol="AAPL", status="failed")
    with tapetrail.open_record(imported[0]) as record:
        details = [record.detail("decisions", int(str(row["id"]))).columns for row in failed]
    assert {(each["failed_stage"], each["error_kind"]) for each in details} == {
        ("analysis", "agent_failed")
    }
    assert "429: too many" in {each["error_message"] for each in details}


def test_what_no_row_has_a_place_for_is_kept_to_the_byte(
    old: Old, imported: tuple[Path, Account]
) -> None:
    home = imported[0]
    kept = read(home, "inputs")
    texts = [row for row in kept if row["input_name"] == "rows of the predecessor"]
    with psycopg.connect(old.url) as connection:
        (lost,) = connection.execute(
            "SELECT row_to_json(t)::text FROM charts t WHERE minio_object_key = 'lost/8.jpg'"
        ).fetchall()
    found = [
        path.read_bytes()
        for row in texts
        if (path := home / "blobs" / object_path(str(row["content_digest"]))).exists()
    ]
    assert len(found) == len(texts)
    assert any(lost[0].encode() in content for content in found)
    assert all(json.loads(content) for content in found)


def object_path(digest: str) -> str:
    digits = digest.removeprefix("sha256:")
    return f"objects/{digits[:2]}/{digits[2:]}"


def test_cached_bars_of_either_case_are_read(imported: tuple[Path, Account]) -> None:
    home = imported[0]
    snapshots = read(home, "snapshots")
    assert [(row["symbol"], row["timeframe"], row["bar_count"]) for row in snapshots] == [
        ("AAPL", "1d", 5), ("AAPL", "1d", 5), ("MSFT", "1w", 5),
    ]  # fmt: skip
    unread = [row for row in read(home, "inputs") if "cache" in str(row["input_name"])]
    assert [row["symbol"] for row in unread] == ["MSFT"]


def test_charts_come_from_its_objects_with_their_pages(
    old: Old, imported: tuple[Path, Account]
) -> None:
    home = imported[0]
    with tapetrail.open_record(home) as record:
        chart = record.detail("charts", int(str(record.rows("charts", symbol="NVDA")[0]["id"])))
    digests = {digest_bytes(path.read_bytes()) for path in old.objects.rglob("*.jpg")}
    assert chart.columns["jpeg_digest"] in digests
    assert chart.columns["html_digest"] == digest_bytes(predecessor.PAGE)
    assert chart.columns["conid"] == 265598
    statuses = {(row["timeframe"], row["status"]) for row in read(home, "charts")}
    assert statuses == {("1d", "active"), ("1w", "archived")}


def test_a_second_import_adds_nothing(old: Old, imported: tuple[Path, Account]) -> None:
    home, first = imported
    before = rows_of(home)
    again = take(home, old)
    assert rows_of(home) == before
    for table in Table:
        was, now = first.of(table), again.of(table)
        assert (now["found"], now["taken"]) == (was["found"], 0)
        assert (now["there"], now["not_taken"]) == (was["taken"], was["not_taken"])


def rows_of(home: Path) -> Mapping[str, int]:
    lists = ("executions", "decisions", "charts", "analyses", "signals", "snapshots", "inputs")
    return {name: len(read(home, name)) for name in lists}


def test_a_dry_run_says_the_same_and_writes_nothing(
    old: Old, imported: tuple[Path, Account], home: Path
) -> None:
    none = home.with_name("none")
    for place in (none, home):
        account = take(place, old, is_dry=True)
        assert counts(account) == counts(imported[1])
        assert account.not_taken == imported[1].not_taken
    assert not none.exists()
    assert rows_of(home) == dict.fromkeys(rows_of(home), 0)
    assert not (home / "blobs").exists()


def test_an_import_that_was_broken_off_goes_on(
    old: Old, imported: tuple[Path, Account], home: Path
) -> None:
    words = ("import", "predecessor", "--from", old.url, "--objects", str(old.objects))
    killed = Home(path=home)
    with killed.connected() as connection, killed.started(*words) as process:
        count = "SELECT count(*) AS n FROM tapetrail.decisions"
        wait_for(lambda: connection.execute(count).fetchall()[0]["n"] > 5)
        process.kill()
        process.wait()
    begun = rows_of(home)
    assert 0 < begun["decisions"] < rows_of(imported[0])["decisions"]
    rest = take(home, old)
    assert rows_of(home) == rows_of(imported[0])
    assert sum(rest.of(table)["there"] for table in Table) > 0
    assert_sound(home)


@pytest.mark.torture
def test_500_runs_are_taken_over_whole(cluster: Cluster, home: Path, tmp_path: Path) -> None:
    many = make_old(cluster, "old_of_500", executions=500, folder=tmp_path)
    account = take(home, many)
    assert account.of(Table.EXECUTIONS)["taken"] == 500
    assert sum(account.of(table)["found"] for table in Table) == sum(
        len(many.told.rows[table]) for table in Table
    )
    assert {each.table for each in account.not_taken} == {*FAULTS}
    assert_sound(home)
    assert not any(take(home, many).of(table)["taken"] for table in Table)


CASED = """
CREATE TABLE "WORKFLOW_EXECUTIONS" ("ID" text, "STATUS" text, "STARTED_AT" timestamp);
CREATE TABLE "Charts" ("Id" bigint, "Execution_Id" text, "Symbol" text, "Chart_Url" text,
    "Generated_At" timestamp);
CREATE TABLE "TRADING_SIGNALS" ("ID" uuid, "EXECUTION_ID" text, "Symbol" text, "Signal" text,
    "Generated_At" timestamp, "CONFIDENCE" text, "Own" bytea);
INSERT INTO "WORKFLOW_EXECUTIONS" VALUES ('b', 'completed', '2025-10-29 20:00'),
    ('a', 'completed', NULL), ('c', 'completed', NULL);
INSERT INTO "Charts" VALUES (7, 'b', 'AAPL', 'data:image/gif;base64,R0lGODlhAA==',
    '2025-10-29 20:01'), (8, 'b', 'AAPL', 'data:text/plain;base64,AAAA', '2025-10-29 20:01'),
    (9, 'b', 'TWICE', 'data:image/gif;base64,R0lGODlhAA==', '2025-10-29 20:01'),
    (9, 'b', 'TWICE', 'data:image/gif;base64,R0lGODlhAA==', '2025-10-29 20:01');
INSERT INTO "TRADING_SIGNALS" VALUES
    (gen_random_uuid(), 'gone', 'AAPL', 'Buy', '2025-10-29 20:02', '0.5', '\\x00ff'),
    (gen_random_uuid(), 'a', 'IBM', 'Sell', '2025-10-30 08:00', 'high', NULL),
    (gen_random_uuid(), 'b', repeat('X', 201), 'Buy', '2025-10-29 20:02', NULL, NULL),
    (gen_random_uuid(), NULL, 'MSFT', 'Buy', NULL, NULL, NULL)
"""


@pytest.fixture(scope="module")
def cased(cluster: Cluster) -> Old:
    url = cluster.new_customer("old_cased")
    predecessor.fill(url, predecessor.Story(rows={}), tables=CASED)
    return Old(url=url, told=predecessor.Story(rows={}), objects=Path())


def test_tables_of_another_case_and_rows_of_runs_that_are_gone_are_read_in_their_zone(
    cased: Old, home: Path
) -> None:
    account = take(home, cased, objects=None, zone="Asia/Hong_Kong", source="cased")
    assert {(each.table, each.reason.partition(",")[0]) for each in account.not_taken} == {
        (Table.EXECUTIONS, "it says no time that can be read and has come"),
        (Table.CHARTS, "its image is none"),
        (Table.CHARTS, "it is kept as it was"),
        (Table.SIGNALS, "it names no symbol"),
        (Table.SIGNALS, "it says no time that can be read and has come"),
    }
    runs = read(home, "executions")
    assert [str(row["started_at"]) for row in runs] == [
        "2025-10-30 00:00:00+00:00", "2025-10-29 12:00:00+00:00", "2025-10-29 12:02:00+00:00",
    ]  # fmt: skip
    (chart,) = read(home, "charts")
    assert chart["symbol"] == "AAPL"
    # Two rows of one id are none, and kept all the same.
    (twice,) = read(home, "decisions", symbol="TWICE")
    assert (twice["status"], twice["error_kind"]) == ("failed", "defect")
    assert [row["symbol"] for row in read(home, "inputs")].count("TWICE") == 1
    with tapetrail.open_record(home) as record:
        details = [record.detail("executions", int(str(row["id"]))).columns for row in runs]
        kept = [config_of(each) for each in details]
    assert {(each["id"], each["zone"], each["source"]) for each in kept} == {
        ("a", "Asia/Hong_Kong", "cased"), ("b", "Asia/Hong_Kong", "cased"),
        (None, "Asia/Hong_Kong", "cased"),
    }  # fmt: skip
    unattributed = [each for each in details if each["execution_key"] == "unattributed"]
    assert [each["agent"] for each in unattributed] == ["cased"]
    assert_sound(home)
    assert not take(home, cased, objects=None, source="cased", zone="Asia/Hong_Kong").has_taken


def test_values_that_mean_nothing_do_not_keep_others_from_being_taken_over(
    cluster: Cluster, home: Path, tmp_path: Path
) -> None:
    none = predecessor.Story(rows={})
    odd = Old(url=cluster.new_customer("old_odd"), told=none, objects=tmp_path)
    predecessor.fill(odd.url, none, tables=predecessor.ODD)
    account = take(home, odd, zone="America/New_York")
    left = {(each.table.value, each.reason.partition(":")[0]) for each in account.not_taken}
    assert left == {
        ("charts", "it names no symbol"), ("charts", "its image is not there"),
        ("market_data_cache", "it says no time that can be read and has come, nor does its run"),
        ("trading_signals", "it has no id"),
    }  # fmt: skip
    assert {row["analyst"] for row in read(home, "analyses")} == {"p:m", "unknown:unknown"}
    assert {row["signal_type"] for row in read(home, "signals", role="deciding")} == {"BUY"}
    assert [row["bar_count"] for row in read(home, "snapshots")] == [1, 2]
    assert_sound(home)


def test_what_comes_after_an_import_is_named_and_not_lost(
    cluster: Cluster, home: Path, tmp_path: Path
) -> None:
    later = make_old(cluster, "old_that_goes_on", executions=1, folder=tmp_path)
    first = take(home, later)
    with psycopg.connect(later.url) as connection:
        connection.execute(
            "INSERT INTO trading_signals (id, execution_id, symbol, signal_type, generated_at)"
            " VALUES (100, 1, 'NVDA', 'BUY', now()), (101, 1, 'ORCL', 'BUY', now()),"
            " (102, NULL, 'AAPL', 'BUY', now())"
        )
    second = take(home, later)
    assert not second.has_taken
    new = {each.id: each.reason for each in second.not_taken if int(each.id) >= 100}
    assert set(new) == {"100", "101", "102"}
    assert all("sealed" in reason for reason in new.values())
    assert len(second.not_taken) == len(first.not_taken) + 3
    assert_sound(home)


def test_a_dump_is_read_as_its_database_is(
    old: Old, imported: tuple[Path, Account], tmp_path: Path
) -> None:
    dump = tmp_path / "old.dump"
    pg_dump = find_program("pg_dump", None, major=15)
    subprocess.run([pg_dump, "--format=custom", f"--file={dump}", old.url], check=True)
    again = take(imported[0], dataclasses.replace(old, url=str(dump)))
    assert again.of(Table.SIGNALS)["there"] == imported[1].of(Table.SIGNALS)["taken"]
    assert not again.has_taken


def test_a_record_with_it_is_backed_up_and_restored(
    imported: tuple[Path, Account], tmp_path: Path
) -> None:
    home, restored = imported[0], tmp_path / "restored" / "home"
    upkeep.back_up(settings_of(home), tmp_path / "all.tar", may_replace=False)
    restored.parent.mkdir()
    upkeep.restore(settings_of(restored), tmp_path / "all.tar")
    assert rows_of(restored) == rows_of(home)
    assert_sound(restored)
    server_of(restored).stop()


@pytest.mark.parametrize(
    ("origin", "changed", "said"),
    [
        ("missing.dump", {}, "cannot be read"),
        ("plain.sql", {}, "no dump in the custom format"),
        ("mysql://me@old/x", {}, "expected postgresql"),
        ("://", {}, "neither a file nor an address"),
        (None, {"zone": "Mars/Olympus"}, "no time zone of that name"),
        (None, {"zone": "../etc/passwd"}, "no time zone of that name"),
        (None, {"source": "two\nlines"}, "a short text on one line"),
        (None, {"objects": Path("nowhere")}, "no folder of that name"),
    ],
)
def test_what_nobody_can_read_is_refused_in_its_own_words(
    old: Old, tmp_path: Path, *, origin: str | None, changed: dict[str, Any], said: str
) -> None:
    (tmp_path / "plain.sql").write_text("CREATE TABLE x ();", encoding="utf-8")
    place = origin if origin is None or "://" in origin else str(tmp_path / origin)
    with pytest.raises(InvalidInput, match=said):
        take(
            tmp_path / "none",
            dataclasses.replace(old, url=place or old.url),
            is_dry=True,
            **changed,
        )


def test_a_database_that_is_none_of_its_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    empty = Old(
        url=cluster.new_customer("old_empty"), told=predecessor.Story(rows={}), objects=tmp_path
    )
    with pytest.raises(InvalidInput, match="none of the predecessor's tables"):
        take(tmp_path / "none", empty, is_dry=True)
    unreachable = dataclasses.replace(empty, url="postgresql://me@127.0.0.1:1/x")
    with pytest.raises(EdgeFailure, match="did not answer"):
        take(tmp_path / "none", unreachable, is_dry=True)


def test_a_damaged_dump_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "x.dump").write_bytes(b"PGDMP and then nothing")
    broken = Old(url=str(tmp_path / "x.dump"), told=predecessor.Story(rows={}), objects=tmp_path)
    with pytest.raises(EdgeFailure, match="pg_restore failed"):
        take(tmp_path / "none", broken, is_dry=True)
