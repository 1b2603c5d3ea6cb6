"""Models over a wire: what a call was made for, what came with its bytes, and why it was no answer.

Rows written before say none of it. A HOLD of a model has no confidence, since no target can come
before a stop; an analysis that was shown no picture names its charts without one.
"""

from typing import Final

from alembic import op

revision: Final = "0016"
down_revision: Final = "0015"

ALTERED: Final = (
    """
    ALTER TABLE tapetrail.llm_attempts
        ADD COLUMN turn_no bigint,
        ADD COLUMN reason text,
        ADD COLUMN base_url text,
        ADD CONSTRAINT ck_llm_attempts_reason_known CHECK (reason IN ('first', 'retry', 're_ask')),
        ADD CONSTRAINT ck_llm_attempts_turn_no_in_order
            CHECK (turn_no BETWEEN 1 AND attempt_no),
        ADD CONSTRAINT ck_llm_attempts_reason_of_turn
            CHECK ((turn_no IS NULL) = (reason IS NULL)),
        ADD CONSTRAINT ck_llm_attempts_first_is_first
            CHECK ((reason = 'first') = (attempt_no = 1))
    """,
    """
    ALTER TABLE tapetrail.llm_replies
        ADD COLUMN headers jsonb,
        ADD COLUMN content_encoding text,
        ADD COLUMN service_tier text,
        ADD COLUMN is_partial boolean,
        ADD COLUMN first_byte_at timestamp with time zone,
        ADD CONSTRAINT ck_llm_replies_partial_says_why
            CHECK (NOT is_partial OR error_kind IS NOT NULL)
    """,
    """
    ALTER TABLE tapetrail.llm_analyses
        ADD COLUMN error_kind text,
        ADD COLUMN parsed_from text,
        ADD CONSTRAINT ck_llm_analyses_error_kind_form
            CHECK (error_kind ~ '^[a-z][a-z0-9_]*$'),
        ADD CONSTRAINT ck_llm_analyses_kind_of_error
            CHECK (error_kind IS NULL OR error_message IS NOT NULL),
        ADD CONSTRAINT ck_llm_analyses_parsed_from_known
            CHECK (parsed_from IN ('plain', 'fenced', 'surrounded'))
    """,
    "ALTER TABLE tapetrail.analysis_charts ALTER COLUMN image_digest DROP NOT NULL",
    """
    ALTER TABLE tapetrail.trading_signals
        DROP CONSTRAINT ck_trading_signals_complete_unless_from_outside,
        ADD CONSTRAINT ck_trading_signals_complete_unless_from_outside CHECK (
            num_nulls(chart_id, llm_analysis_id, strategy_id, trend, horizon_bars,
                timeframe_primary, reasoning) = 0 OR provenance IN ('external', 'legacy')),
        ADD CONSTRAINT ck_trading_signals_confidence_of_trade CHECK (
            confidence IS NOT NULL OR stop_loss IS NULL OR provenance IN ('external', 'legacy'))
    """,
)


def upgrade() -> None:
    """Add the columns, and let a signal without a trade have no confidence."""
    for statement in ALTERED:
        op.execute(statement)
