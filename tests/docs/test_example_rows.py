"""docs/examples shows what the tables hold today: the rows of a demo, chosen and read anew."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

import pytest
from tests.docs.examples import CONDITIONS, EMPTY_IN_THE_DEMO, FOLDER, INDEX, example_rows
from tests.docs.pages import read_page

import tapetrail
from tapetrail.store.tables.schema import metadata
from tapetrail.wire import Shown

# What differs by time, host and release, or follows from what does; its form is compared.
VARYING: Final = re.compile(
    r"id|.*_id|derived_from|at|.*_at|actor|.*digest|key|size|minio_object_key|chart_url_.*"
    r"|seal_document|latency_ms|code_version|libraries|renderer|python_version|platform"
)
# A host may or may not say how far its clock is off.
_HOSTS: Final = ("clock_offset_ms", "clock_source")
_FORMS: Final = (
    (re.compile(r"sha256:[0-9a-f]{64}"), "a digest"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "an instant"),
    (re.compile(r"(file:)?(objects|charts)/.+"), "a key"),
)


def form(value: Shown) -> str:
    """Return what kind of value this is."""
    if isinstance(value, str):
        return next((name for pattern, name in _FORMS if pattern.fullmatch(value)), "text")
    return type(value).__name__


def compared(row: Mapping[str, Shown]) -> Mapping[str, Shown]:
    """Return a row with the form in place of what varies."""
    return {
        name: form(value) if VARYING.fullmatch(name) else value
        for name, value in row.items()
        if name not in _HOSTS
    }


def stored(table: str) -> Mapping[str, Shown]:
    return cast("Mapping[str, Shown]", json.loads(read_page(FOLDER / f"{table}.json")))


@pytest.mark.service
def test_the_examples_are_rows_of_the_demo(recorded: Path) -> None:
    with tapetrail.open_record(recorded) as record, record.session() as session:
        rows = example_rows(session)
    for table, row in rows.items():
        assert isinstance(row, Mapping)
        shown, found = stored(table), cast("Mapping[str, Shown]", row)
        assert list(shown) == list(found), f"{table}: run python -m tests.docs.examples"
        assert compared(shown) == compared(found), f"{table}: run python -m tests.docs.examples"


def test_every_table_has_an_example_or_is_named_as_empty() -> None:
    tables = {table.name for table in metadata.sorted_tables}
    assert tables == {*CONDITIONS, *EMPTY_IN_THE_DEMO}
    assert {path.stem for path in FOLDER.glob("*.json")} == set(CONDITIONS)
    index = read_page(INDEX)
    for table in CONDITIONS:
        assert f"[`{table}`]({table}.json)" in index
    for table in EMPTY_IN_THE_DEMO:
        assert f"`{table}`" in index


def test_the_examples_name_nobody_and_no_place_of_a_machine() -> None:
    actors = [row["actor"] for row in map(stored, CONDITIONS) if "actor" in row]
    assert actors == ["demo"] * len(actors)
    for table in CONDITIONS:
        assert not re.search(r'"/|: "file:/', read_page(FOLDER / f"{table}.json")), table
