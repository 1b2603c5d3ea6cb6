"""One question about a recorded chart, on record like any other, and no decision to trade.

It stands in an execution of its own run type and provenance, so that no list and no statistic takes
it for a decision. Rows written before have no scope.
"""

from typing import Final

from alembic import op

revision: Final = "0018"
down_revision: Final = "0017"

PROVENANCES: Final = "'live', 'backfill', 'demo', 'replay', 'question', 'external', 'legacy'"
RUN_TYPES: Final = "'manual', 'scheduled', 'backfill', 'replay', 'question', 'external'"
TABLES: Final = ("workflow_executions", "decisions", "charts", "llm_analyses", "trading_signals")
ADDED: Final = """
    ALTER TABLE tapetrail.decisions
        ADD COLUMN scope text,
        ADD CONSTRAINT ck_decisions_scope_known CHECK (scope IN ('instrument', 'question')),
        ADD CONSTRAINT ck_decisions_question CHECK (
            (provenance = 'question') = (scope IS NOT DISTINCT FROM 'question'))
"""


def upgrade() -> None:
    """Let the new words in, and add the column."""
    for table in TABLES:
        _replace(table, "provenance", PROVENANCES)
    _replace("workflow_executions", "run_type", RUN_TYPES)
    op.execute(ADDED)
    op.execute(
        "CREATE INDEX ix_llm_analyses_model ON tapetrail.llm_analyses (provider, model_name, id)"
    )
    op.execute("CREATE INDEX ix_decisions_scope_id ON tapetrail.decisions (scope, id DESC)")


def _replace(table: str, column: str, words: str) -> None:
    name = f"ck_{table}_{column}_known"
    op.execute(f"ALTER TABLE tapetrail.{table} DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE tapetrail.{table} ADD CONSTRAINT {name} CHECK ({column} IN ({words}))")
