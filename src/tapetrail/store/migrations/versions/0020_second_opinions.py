"""What a second source says of a decision's closes is on record, under the decision's seal.

Whether they agree can be worked out again from the numbers that stand beside the verdict.
"""

from typing import Final

from alembic import op

revision: Final = "0020"
down_revision: Final = "0019"

CREATED: Final = (
    """
    CREATE TABLE tapetrail.second_opinions (
        id bigint GENERATED ALWAYS AS IDENTITY,
        execution_id bigint NOT NULL,
        decision_id bigint NOT NULL,
        source text NOT NULL,
        symbol text NOT NULL,
        raw_digest text COLLATE "C",
        adjustment text,
        quoted_in text,
        fetched_at timestamp with time zone,
        from_cache boolean,
        first_on date,
        last_on date,
        compared bigint,
        differing bigint,
        max_difference_pct numeric,
        max_difference_on date,
        missing_here jsonb,
        missing_there jsonb,
        limit_pct numeric NOT NULL,
        verdict text NOT NULL,
        problem text,
        record_digest text COLLATE "C" NOT NULL,
        CONSTRAINT pk_second_opinions PRIMARY KEY (id),
        CONSTRAINT ck_second_opinions_raw_digest_form
            CHECK (raw_digest ~ '^sha256:[0-9a-f]{64}$'),
        CONSTRAINT ck_second_opinions_verdict_known
            CHECK (verdict IN ('agrees', 'differs', 'absent')),
        CONSTRAINT ck_second_opinions_record_digest_form
            CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$'),
        CONSTRAINT fk_second_opinions_decision_id_execution_id
            FOREIGN KEY (decision_id, execution_id)
            REFERENCES tapetrail.decisions (id, execution_id),
        CONSTRAINT uq_second_opinions_decision_id UNIQUE (decision_id),
        CONSTRAINT fk_second_opinions_raw_digest
            FOREIGN KEY (raw_digest) REFERENCES tapetrail.blobs (digest),
        CONSTRAINT ck_second_opinions_adjustment_known
            CHECK (adjustment IN ('raw', 'split', 'split+dividend')),
        CONSTRAINT ck_second_opinions_payload_whole CHECK (
            num_nulls(raw_digest, adjustment, quoted_in, fetched_at, from_cache) IN (0, 5)),
        CONSTRAINT ck_second_opinions_compared_of_payload
            CHECK (verdict = 'absent' OR raw_digest IS NOT NULL),
        CONSTRAINT ck_second_opinions_closes_unless_absent CHECK (
            num_nulls(first_on, last_on, compared, differing, max_difference_on, missing_here,
                missing_there) = CASE WHEN verdict = 'absent' THEN 7 ELSE 0 END),
        CONSTRAINT ck_second_opinions_difference_of_closes
            CHECK (max_difference_pct IS NULL OR verdict <> 'absent'),
        CONSTRAINT ck_second_opinions_problem_unless_agrees
            CHECK ((verdict = 'agrees') = (problem IS NULL)),
        CONSTRAINT ck_second_opinions_verdict_of_differing
            CHECK (verdict = 'absent' OR (verdict = 'differs') = (differing > 0)),
        CONSTRAINT ck_second_opinions_verdict_of_limit CHECK (
            verdict = 'absent' OR
            (differing > 0) = (coalesce(max_difference_pct, limit_pct + 1) > limit_pct)),
        CONSTRAINT ck_second_opinions_days_in_order CHECK (first_on <= last_on),
        CONSTRAINT ck_second_opinions_worst_between
            CHECK (max_difference_on BETWEEN first_on AND last_on),
        CONSTRAINT ck_second_opinions_differing_of_compared
            CHECK (compared >= 1 AND differing BETWEEN 0 AND compared),
        CONSTRAINT ck_second_opinions_max_difference_not_negative
            CHECK (max_difference_pct >= 0),
        CONSTRAINT ck_second_opinions_limit_positive CHECK (limit_pct > 0),
        CONSTRAINT ck_second_opinions_missing_listed CHECK (
            jsonb_typeof(missing_here) = 'array' AND jsonb_typeof(missing_there) = 'array')
    )
    """,
    """
    CREATE INDEX ix_second_opinions_execution_id_id
        ON tapetrail.second_opinions (execution_id, id)
    """,
    """
    CREATE INDEX ix_second_opinions_raw_digest
        ON tapetrail.second_opinions USING hash (raw_digest)
    """,
)


def upgrade() -> None:
    """Create the table."""
    for statement in CREATED:
        op.execute(statement)
