"""Write the mapped classes of `tapetrail.models` from the tables.

    python tools/write_models.py

A test says when the file is not what this writes.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeAlias

from sqlalchemy import Column, Table
from sqlalchemy.dialects.postgresql import JSONB

from tapetrail.core.records.base import JsonObject, record_fields
from tapetrail.core.records.kinds import RECORDS
from tapetrail.store.tables.schema import metadata

FILE: Final = Path(__file__).parents[1] / "src" / "tapetrail" / "store" / "models.py"

Links: TypeAlias = "Sequence[tuple[str, str, str]]"

# By class: its table, what a row is, those that belong to it (name, class, their column), and those
# that it belongs to (name, class, its own column).
MODELS: Final[Mapping[str, tuple[str, str, Links, Links]]] = {
    "Strategy": (
        "strategies",
        "One version of a strategy.",
        [("executions", "WorkflowExecution", "strategy_id")],
        [],
    ),
    "Instrument": (
        "instruments",
        "What is traded.",
        [("decisions", "Decision", "instrument_id")],
        [],
    ),
    "WorkflowExecution": (
        "workflow_executions",
        "One run of a strategy.",
        [
            ("decisions", "Decision", "execution_id"),
            ("charts", "Chart", "execution_id"),
            ("llm_analyses", "LLMAnalysis", "execution_id"),
            ("signals", "TradingSignal", "execution_id"),
        ],
        [("strategy", "Strategy", "strategy_id")],
    ),
    "Decision": (
        "decisions",
        "One instrument's pass through an execution.",
        [
            ("snapshots", "MarketSnapshot", "decision_id"),
            ("charts", "Chart", "decision_id"),
            ("llm_analyses", "LLMAnalysis", "decision_id"),
            ("signals", "TradingSignal", "decision_id"),
        ],
        [
            ("execution", "WorkflowExecution", "execution_id"),
            ("instrument", "Instrument", "instrument_id"),
        ],
    ),
    "MarketSnapshot": (
        "market_snapshots",
        "The exact bars one chart was made from.",
        [("charts", "Chart", "snapshot_id")],
        [("decision", "Decision", "decision_id")],
    ),
    "Chart": (
        "charts",
        "One chart. `llm_analyses` are all that read it, those of several charts too.",
        [("signals", "TradingSignal", "chart_id")],
        [
            ("execution", "WorkflowExecution", "execution_id"),
            ("decision", "Decision", "decision_id"),
            ("snapshot", "MarketSnapshot", "snapshot_id"),
        ],
    ),
    "LLMAnalysis": (
        "llm_analyses",
        "One question to one analyst and what came of it. `charts` are all it read.",
        [("signals", "TradingSignal", "llm_analysis_id")],
        [
            ("execution", "WorkflowExecution", "execution_id"),
            ("decision", "Decision", "decision_id"),
            ("chart", "Chart", "chart_id"),
        ],
    ),
    "TradingSignal": (
        "trading_signals",
        "One decision's answer by one analyst.",
        [],
        [
            ("execution", "WorkflowExecution", "execution_id"),
            ("decision", "Decision", "decision_id"),
            ("strategy", "Strategy", "strategy_id"),
            ("chart", "Chart", "chart_id"),
            ("llm_analysis", "LLMAnalysis", "llm_analysis_id"),
        ],
    ),
}
# Several charts may be read by one analysis, and several analyses may read one chart.
READ: Final = {
    "Chart": ("llm_analyses", "LLMAnalysis", "chart_id", "analysis_id"),
    "LLMAnalysis": ("charts", "Chart", "analysis_id", "chart_id"),
}
TYPES: Final = {
    int: "int",
    str: "str",
    bool: "bool",
    Decimal: "Decimal",
    datetime: "datetime",
    date: "date",
}
_OBJECTS: Final = {
    field.column for kind in RECORDS for field in record_fields(kind) if field.kind == JsonObject
}
HEAD: Final = '''\
"""The record as classes with relationships, to be read in notebooks and never written.

Written by `tools/write_models.py` from the tables: change those, and write it again. Every class
has the columns of its table, and besides the rows that it belongs to and those that belong to it.
They are loaded when they are first asked for, or with the query that says so.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NoReturn

from sqlalchemy import Connection, event
from sqlalchemy.orm import Mapped, Mapper, relationship

from tapetrail.core.errors import InvalidInput
from tapetrail.store.rows import Base
from tapetrail.store.tables import schema

_TABLES = schema.metadata.tables
'''
TAIL: Final = """

def _refuse(mapper: Mapper[object], connection: Connection, target: object) -> NoReturn:
    del mapper, connection
    raise InvalidInput(
        f"{type(target).__name__}: the classes of tapetrail.models are read and never written"
    )


for _change in ("before_insert", "before_update", "before_delete"):
    event.listen(Base, _change, _refuse, propagate=True)
"""


def text() -> str:
    """Return the module, in the project's format."""
    found = HEAD + "".join(map(_class, MODELS)) + TAIL
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "-"],
        input=found, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return formatted.stdout


def _class(name: str) -> str:
    table_name, says, children, parents = MODELS[name]
    table = metadata.tables[f"tapetrail.{table_name}"]
    lines = [f'\n\nclass {name}(Base):\n    """{says}"""\n']
    lines.append(f'    __table__ = _TABLES["{table}"]\n')
    lines += [f"    {column.name}: Mapped[{_type(column)}]" for column in table.columns]
    lines += _parents(name, table, parents)
    lines += _children(name, children)
    if name in READ:
        lines.append(_read(name))
    return "\n".join(lines) + "\n"


def _parents(name: str, table: Table, parents: Links) -> Iterator[str]:
    for attribute, other, column in parents:
        hint = f"{other} | None" if table.c[column].nullable else other
        join = f"foreign({name}.{column}) == {other}.id"
        yield (
            f'    {attribute}: Mapped["{hint}"] = relationship(primaryjoin="{join}", viewonly=True)'
        )


def _children(name: str, children: Links) -> Iterator[str]:
    for attribute, other, column in children:
        yield (
            f'    {attribute}: Mapped[list["{other}"]] = relationship('
            f'primaryjoin="foreign({other}.{column}) == {name}.id",'
            f' order_by="{other}.id", viewonly=True)'
        )


def _read(name: str) -> str:
    attribute, other, mine, theirs = READ[name]
    return (
        f'    {attribute}: Mapped[list["{other}"]] = relationship('
        'secondary=_TABLES["tapetrail.analysis_charts"],'
        f' primaryjoin="{name}.id == analysis_charts.c.{mine}",'
        f' secondaryjoin="{other}.id == analysis_charts.c.{theirs}",'
        f' order_by="{other}.id", viewonly=True)'
    )


def _type(column: Column[object]) -> str:
    if isinstance(column.type, JSONB):
        found = "Mapping[str, object]" if column.name in _OBJECTS else "Sequence[object]"
    else:
        found = TYPES[column.type.python_type]
    return f"{found} | None" if column.nullable else found


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
