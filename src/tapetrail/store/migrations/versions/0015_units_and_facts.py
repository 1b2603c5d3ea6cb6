"""What prices were quoted in stands with the bars; what is learnt of an instrument, in a table.

A factor of 0.01 said that prices were quoted in a hundredth, and not in which. Rows written before
say no more than that. An instrument that was recorded without a conid could get none: its row is
never changed.
"""

from typing import Final

from alembic import op

revision: Final = "0015"
down_revision: Final = "0014"

ALTERED: Final = (
    "ALTER TABLE tapetrail.market_snapshots ADD COLUMN quoted_in text",
    """
    ALTER TABLE tapetrail.market_snapshots
        ADD CONSTRAINT ck_market_snapshots_quoted_in_by_factor
        CHECK ((quoted_in = currency) = (price_factor = 1))
    """,
    """
    CREATE TABLE tapetrail.instrument_facts (
        id bigint GENERATED ALWAYS AS IDENTITY,
        instrument_id bigint NOT NULL,
        field text NOT NULL,
        value text NOT NULL,
        source text NOT NULL,
        at timestamp with time zone NOT NULL,
        record_digest text COLLATE "C" NOT NULL,
        CONSTRAINT pk_instrument_facts PRIMARY KEY (id),
        CONSTRAINT ck_instrument_facts_field_known CHECK (field IN ('conid')),
        CONSTRAINT ck_instrument_facts_record_digest_form
            CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$'),
        CONSTRAINT fk_instrument_facts_instrument_id
            FOREIGN KEY (instrument_id) REFERENCES tapetrail.instruments (id),
        CONSTRAINT uq_instrument_facts_instrument_id_field UNIQUE (instrument_id, field),
        CONSTRAINT ck_instrument_facts_conid_form
            CHECK (field <> 'conid' OR value ~ '^[1-9][0-9]{0,17}$')
    )
    """,
)


def upgrade() -> None:
    """Add the column and the table."""
    for statement in ALTERED:
        op.execute(statement)
