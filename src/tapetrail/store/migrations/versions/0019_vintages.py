"""What vendors sent is kept to be used again: for another day or strategy, or without network.

Bars that a vendor restates are a new vintage beside the old one.
"""

from typing import Final

from alembic import op

revision: Final = "0019"
down_revision: Final = "0018"

CREATED: Final = (
    """
    CREATE TABLE tapetrail.market_vintages (
        id bigint GENERATED ALWAYS AS IDENTITY,
        instrument_id bigint NOT NULL,
        source text NOT NULL,
        timeframe text NOT NULL,
        parameters jsonb NOT NULL,
        first_on date NOT NULL,
        last_on date NOT NULL,
        raw_digest text COLLATE "C" NOT NULL,
        session_first date,
        session_last date,
        bar_count bigint,
        adjustment text,
        quoted_in text,
        problem text,
        differs_from bigint,
        moved_bars bigint,
        moved_pct_max numeric,
        actor text NOT NULL,
        fetched_at timestamp with time zone NOT NULL,
        record_digest text COLLATE "C" NOT NULL,
        CONSTRAINT pk_market_vintages PRIMARY KEY (id),
        CONSTRAINT ck_market_vintages_raw_digest_form
            CHECK (raw_digest ~ '^sha256:[0-9a-f]{64}$'),
        CONSTRAINT ck_market_vintages_record_digest_form
            CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$'),
        CONSTRAINT fk_market_vintages_instrument_id
            FOREIGN KEY (instrument_id) REFERENCES tapetrail.instruments (id),
        CONSTRAINT uq_market_vintages_id_instrument_id UNIQUE (id, instrument_id),
        CONSTRAINT fk_market_vintages_differs_from_instrument_id
            FOREIGN KEY (differs_from, instrument_id)
            REFERENCES tapetrail.market_vintages (id, instrument_id),
        CONSTRAINT fk_market_vintages_raw_digest
            FOREIGN KEY (raw_digest) REFERENCES tapetrail.blobs (digest),
        CONSTRAINT ck_market_vintages_timeframe_form
            CHECK (timeframe ~ '^[1-9][0-9]*(m|h|d|w|mo)$'),
        CONSTRAINT ck_market_vintages_adjustment_known
            CHECK (adjustment IN ('raw', 'split', 'split+dividend')),
        CONSTRAINT ck_market_vintages_days_in_order CHECK (first_on <= last_on),
        CONSTRAINT ck_market_vintages_sessions_in_order CHECK (session_first <= session_last),
        CONSTRAINT ck_market_vintages_bar_count_positive CHECK (bar_count >= 1),
        CONSTRAINT ck_market_vintages_bars_or_problem CHECK (
            num_nulls(session_first, session_last, bar_count, adjustment, quoted_in) =
            CASE WHEN problem IS NULL THEN 0 ELSE 5 END),
        CONSTRAINT ck_market_vintages_differs_by_bars
            CHECK ((differs_from IS NULL) = (moved_bars IS NULL)),
        CONSTRAINT ck_market_vintages_moved_bars_positive CHECK (moved_bars >= 1),
        CONSTRAINT ck_market_vintages_moved_pct_of_moved
            CHECK (moved_pct_max IS NULL OR moved_bars IS NOT NULL),
        CONSTRAINT ck_market_vintages_moved_pct_positive CHECK (moved_pct_max > 0),
        CONSTRAINT ck_market_vintages_differs_from_another CHECK (differs_from < id)
    )
    """,
    """
    CREATE INDEX ix_market_vintages_instrument_id_source_id
        ON tapetrail.market_vintages (instrument_id, source, id)
    """,
    "CREATE INDEX ix_market_vintages_fetched_at ON tapetrail.market_vintages (fetched_at)",
    """
    CREATE INDEX ix_market_vintages_differs_from
        ON tapetrail.market_vintages (differs_from) WHERE differs_from IS NOT NULL
    """,
    """
    CREATE INDEX ix_market_vintages_raw_digest
        ON tapetrail.market_vintages USING hash (raw_digest)
    """,
)


def upgrade() -> None:
    """Create the table."""
    for statement in CREATED:
        op.execute(statement)
