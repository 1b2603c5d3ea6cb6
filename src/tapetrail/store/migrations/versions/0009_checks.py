"""Triggers are named for what they do, and analysts other than the built-in one may be code.

Until now they were called doors, and rows were admitted. The functions go with the triggers that
run them; the ones that take their place are among the guards, which every upgrade applies.

Only names that begin with `builtin:` could be analysts without a prompt. Which analysts are code is
for the program to know, so a prompt now only has to be there where its template is named.

A call that brought no bytes says why in words, too.
"""

from typing import Final

from alembic import op

revision: Final = "0009"
down_revision: Final = "0008"

FORMER: Final = (
    "execution",
    "decision",
    "child",
    "snapshot",
    "chart",
    "analysis",
    "analysis_chart",
    "signal",
    "seal",
)
EVENTS: Final = ("execution_events", "decision_events", "chart_archivals")
ALTERED: Final = (
    "ALTER TABLE tapetrail.llm_replies ADD COLUMN error_message text",
    "ALTER TABLE tapetrail.llm_analyses DROP CONSTRAINT ck_llm_analyses_prompt",
    """
    ALTER TABLE tapetrail.llm_analyses ADD CONSTRAINT ck_llm_analyses_prompt
        CHECK (prompt_template_id IS NULL OR prompt_text IS NOT NULL)
    """,
)


def upgrade() -> None:
    """Drop the triggers and functions of the old names, widen the CHECK, add the column."""
    for name in FORMER:
        op.execute(f"DROP FUNCTION IF EXISTS tapetrail.admit_{name}() CASCADE")
    for table in EVENTS:
        op.execute(f"DROP TRIGGER IF EXISTS door ON tapetrail.{table}")
    for statement in ALTERED:
        op.execute(statement)
