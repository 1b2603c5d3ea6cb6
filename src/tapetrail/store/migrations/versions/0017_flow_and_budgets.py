"""What calls in work hold: turns at a provider, and money of budgets. Work, not record.

These rows change, and nothing that was recorded depends on them. The guards leave them alone, which
every upgrade applies.
"""

from typing import Final

from alembic import op

revision: Final = "0017"
down_revision: Final = "0016"

CREATED: Final = (
    """
    CREATE TABLE tapetrail.provider_flow (
        provider text NOT NULL,
        requests_free_at timestamp with time zone,
        tokens_free_at timestamp with time zone,
        blocked_until timestamp with time zone,
        blocked_for text,
        CONSTRAINT pk_provider_flow PRIMARY KEY (provider),
        CONSTRAINT ck_provider_flow_blocked_for
            CHECK ((blocked_until IS NULL) = (blocked_for IS NULL))
    )
    """,
    """
    CREATE TABLE tapetrail.budget_counts (
        scope text COLLATE "C" NOT NULL,
        spent_usd numeric NOT NULL DEFAULT 0,
        open_usd numeric NOT NULL DEFAULT 0,
        CONSTRAINT pk_budget_counts PRIMARY KEY (scope),
        CONSTRAINT ck_budget_counts_not_negative CHECK (spent_usd >= 0 AND open_usd >= 0)
    )
    """,
    """
    CREATE TABLE tapetrail.budget_reservations (
        decision bigint NOT NULL,
        question text NOT NULL,
        analyst text NOT NULL,
        sample_no bigint NOT NULL,
        attempt_no bigint NOT NULL,
        scopes text[] NOT NULL,
        reserved_usd numeric NOT NULL,
        cost_usd numeric,
        status text NOT NULL,
        at timestamp with time zone NOT NULL,
        lost_after timestamp with time zone NOT NULL,
        CONSTRAINT pk_budget_reservations
            PRIMARY KEY (decision, question, analyst, sample_no, attempt_no),
        CONSTRAINT ck_budget_reservations_status_known
            CHECK (status IN ('open', 'lost', 'settled')),
        CONSTRAINT ck_budget_reservations_cost_when_settled
            CHECK ((status = 'settled') = (cost_usd IS NOT NULL)),
        CONSTRAINT ck_budget_reservations_not_negative
            CHECK (reserved_usd >= 0 AND cost_usd >= 0)
    )
    """,
    """
    CREATE INDEX ix_budget_reservations_open ON tapetrail.budget_reservations (lost_after)
        WHERE status = 'open'
    """,
)


def upgrade() -> None:
    """Add the three tables."""
    for statement in CREATED:
        op.execute(statement)
