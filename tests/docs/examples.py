"""`python -m tests.docs.examples`: write docs/examples from a record that holds the demo.

The record is the one that the command line uses here, or the home named on the command line. Rows
are chosen by what they are about, never by their number, so that every demo gives the same ones:
the decision on GOOG of 2012-11-30, which ended with a BUY, and for the failure FB's of 2012-06-08.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session
from tests.docs.pages import DOCS

import tapetrail
from tapetrail.wire import Shown, view_document

FOLDER: Final = DOCS / "examples"
INDEX: Final = FOLDER / "README.md"
_QUESTION: Final = """
WITH bought AS (
    SELECT * FROM tapetrail.decisions
    WHERE symbol = 'GOOG' AND as_of = '2012-11-30 21:00Z' AND provenance = 'demo' AND run_no = 1
)
SELECT t.* FROM tapetrail.{table} AS t WHERE {condition} ORDER BY t.id LIMIT 1
"""
_OF_IT: Final = "t.decision_id = (SELECT id FROM bought)"
_OF_ITS_RUN: Final = "(SELECT execution_id FROM bought)"

CONDITIONS: Final[Mapping[str, str]] = {
    "strategies": "t.name = 'swing-two-timeframes'",
    "runtimes": "t.id = (SELECT e.runtime_id FROM tapetrail.workflow_executions AS e"
    " JOIN bought ON bought.execution_id = e.id)",
    "instruments": "t.id = (SELECT instrument_id FROM bought)",
    "workflow_executions": "t.id = " + _OF_ITS_RUN,
    "execution_events": "t.to_status = 'completed' AND t.execution_id = " + _OF_ITS_RUN,
    "decisions": "t.symbol = 'FB' AND t.as_of = '2012-06-08 20:00Z' AND t.provenance = 'demo'"
    " AND t.run_no = 1",
    "decision_events": "t.to_status = 'completed' AND " + _OF_IT,
    "market_snapshots": "t.timeframe = '1w' AND " + _OF_IT,
    "blobs": "t.digest = (SELECT m.bars_digest FROM tapetrail.market_snapshots AS m"
    " JOIN bought ON bought.id = m.decision_id WHERE m.timeframe = '1d')",
    "charts": "t.timeframe = '1d' AND " + _OF_IT,
    "llm_analyses": "t.question = 'chart:1d' AND " + _OF_IT,
    "analysis_charts": _OF_IT,
    "trading_signals": _OF_IT,
    "decision_seals": _OF_IT,
    "execution_seals": "t.execution_id = " + _OF_ITS_RUN,
}
"""The tables of which an example is shown, and what its row is."""
EMPTY_IN_THE_DEMO: Final = (
    "instrument_facts",
    "market_vintages",
    "second_opinions",
    "prompt_templates",
    "llm_attempts",
    "llm_replies",
    "decision_inputs",
    "analysis_inputs",
    "signal_inputs",
    "order_events",
    "notes",
    "signal_outcomes",
    "analysis_outcomes",
    "chart_archivals",
    "audit_events",
    "api_keys",
    "api_key_ends",
)
"""Tables in which the demo leaves no row."""


def example_rows(session: Session) -> Mapping[str, Shown]:
    """Return the chosen row of each table as JSON, as the command line shows it."""
    return {
        table: view_document(_row(session, _QUESTION.format(table=table, condition=condition)))
        for table, condition in CONDITIONS.items()
    }


def _row(session: Session, question: str) -> Mapping[str, object]:
    return dict(session.execute(text(question)).mappings().one())


def main() -> int:
    """Write one file a table; return the exit code."""
    home = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tapetrail.open_record(home) as record, record.session() as session:
        rows = example_rows(session)
    FOLDER.mkdir(exist_ok=True)
    for table, row in rows.items():
        document = json.dumps(row, indent=2, ensure_ascii=False)
        (FOLDER / f"{table}.json").write_text(document + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(rows)} rows in {FOLDER.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
