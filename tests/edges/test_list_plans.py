"""Every filter of every list has an index: a rare value is found without a look at all rows."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import create_engine
from tests.edges.conftest import SUPERUSER, new_database
from tests.edges.many_rows import load_many

from tapetrail.listing import LISTS, ListSpec
from tapetrail.listing.spec import Numbered
from tapetrail.store.connections import Connection
from tapetrail.store.lists import list_statement
from tapetrail.store.private.server import ServerAddress

pytestmark = pytest.mark.service

ROWS_MAX: Final = 2_000
"""What a plan may look at and throw away."""
RARE: Final[Mapping[str, str]] = {
    "symbol": "S17",
    "timeframe": "1mo",
    "execution_id": "10001",
    "decision_id": "10001",
    "client_order_id": "c10001",
    "chart_id": "10001",
    "strategy": "s17@1",
    "as_of": "2001-03-01..2001-03-02",
    "signal": "SELL",
    "analyst": "rare",
    "role": "shadow",
    "run_no": "7",
    "scope": "question",
    "name": "s17",
    "since": "2020-01-14T21:15:00Z",
    "until": "2020-01-01T00:10:00Z",
}
STATUS: Final = {"executions": "cancelled", "decisions": "cancelled", "charts": "archived",
                 "analyses": "failed", "orders": "rejected"}  # fmt: skip
KIND: Final = {"inputs": "other", "notes": "incident"}
FILTERS: Final = [(listed, known.name) for listed in LISTS for known in listed.filters]


@pytest.fixture(
    scope="module",
    params=[20_000, pytest.param(100_000, marks=pytest.mark.torture)],
    ids=["short", "long"],
)
def many(
    request: pytest.FixtureRequest, server: ServerAddress, template: ServerAddress
) -> Iterator[Connection]:
    with new_database(server, template.database) as made:
        engine = create_engine(made.url(SUPERUSER))
        try:
            with engine.begin() as connection:
                load_many(connection, request.param)
        finally:
            engine.dispose()
        with psycopg.connect(made.libpq_url("tapetrail_reader"), autocommit=True) as reader:
            yield reader


def plan_of(
    connection: Connection, listed: ListSpec[Numbered], filters: Mapping[str, str]
) -> dict[str, Any]:
    selection = listed.select(**filters)
    statement = list_statement(listed, tuple(selection.counts().items()), is_continued=False)
    asked = connection.execute(
        b"EXPLAIN (ANALYZE, FORMAT JSON) " + statement, [*selection.parameters(), 51]
    ).fetchone()
    assert asked is not None
    found = asked[0]
    return (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


@pytest.mark.parametrize(
    ("listed", "name"), FILTERS, ids=[f"{listed.name}-{name}" for listed, name in FILTERS]
)
def test_a_rare_value_is_found_by_an_index(
    many: Connection, listed: ListSpec[Numbered], name: str
) -> None:
    value = {"status": STATUS, "kind": KIND}.get(name, {}).get(listed.name) or RARE[name]
    plan = plan_of(many, listed, {name: value})
    looked_at = sum(
        node.get("Rows Removed by Filter", 0) * node["Actual Loops"] for node in nodes(plan)
    )
    scanned = [
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Actual Rows"] > ROWS_MAX
    ]
    assert scanned == [], json.dumps(plan, indent=1)
    assert looked_at <= ROWS_MAX, json.dumps(plan, indent=1)
