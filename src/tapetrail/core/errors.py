"""Every error raised on purpose, and the closed list of reasons a decision may fail for.

Four kinds of error, each meaning one thing to whoever catches it:
`InvalidInput` (the caller must change something), `NotFound` (nothing by that name),
`EdgeFailure` (the world did not answer; the only kind worth a second try) and
`IntegrityFailure` (what we hold is not what we stored). Anything else that is raised is a defect.
"""

from enum import StrEnum


class Stage(StrEnum):
    """The part of a decision in which it failed."""

    BARS = "bars"
    CHART = "chart"
    ANALYSIS = "analysis"
    SIGNAL = "signal"
    ENGINE = "engine"


class ErrorKind(StrEnum):
    """Why a decision failed. What is none of these is a defect and raises."""

    NO_BARS = "no_bars"
    TOO_FEW_BARS = "too_few_bars"
    BAD_BARS = "bad_bars"
    MISSING_SESSIONS = "missing_sessions"
    STALE_BARS = "stale_bars"
    SOURCE_UNAVAILABLE = "source_unavailable"
    NOT_CACHED = "not_cached"
    SECOND_OPINION_DIFFERS = "second_opinion_differs"
    NO_SECOND_OPINION = "no_second_opinion"
    RENDER_FAILED = "render_failed"
    ANALYST_UNAVAILABLE = "analyst_unavailable"
    UNPARSEABLE_REPLY = "unparseable_reply"
    NOT_JSON = "not_json"
    AGAINST_SCHEMA = "against_schema"
    BAD_CONFIDENCE = "bad_confidence"
    BAD_PROMPT = "bad_prompt"
    INVALID_LEVELS = "invalid_levels"
    LEVELS_TOO_FAR = "levels_too_far"
    REWARD_RISK_TOO_LOW = "reward_risk_too_low"
    BLOB_STORE_UNAVAILABLE = "blob_store_unavailable"
    CORRUPT_BLOB = "corrupt_blob"
    NO_SIGNAL = "no_signal"
    DEFECT = "defect"
    # An agent that is not ours: it said why, raised, said nothing, or its process is gone.
    ABSTAINED = "abstained"
    AGENT_FAILED = "agent_failed"
    ABANDONED = "abandoned"
    # A model that was asked and gave no answer.
    REFUSED = "refused"
    BLOCKED = "blocked"
    PAUSED = "paused"
    TRUNCATED = "truncated"
    TRUNCATED_WITHOUT_TEXT = "truncated_without_text"
    MALFORMED_REPLY = "malformed_reply"
    EMPTY_REPLY = "empty_reply"
    NULL_REPLY = "null_reply"
    NOT_JSON_BODY = "not_json_body"
    HTML_BODY = "html_body"
    # A provider that would not let it be asked.
    BAD_REQUEST = "bad_request"
    BAD_KEY = "bad_key"
    FORBIDDEN = "forbidden"
    UNKNOWN_MODEL = "unknown_model"
    QUOTA_EXHAUSTED = "quota_exhausted"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    PROVIDER_FAILED = "provider_failed"
    PROVIDER_TIMEOUT = "provider_timeout"
    REQUEST_CONFLICT = "request_conflict"
    REDIRECTED = "redirected"
    KEY_MISSING = "key_missing"
    # Money that a call would cost, and nobody allows.
    UNKNOWN_PRICE = "unknown_price"
    BUDGET_EXCEEDED = "budget_exceeded"
    # A network that brought nothing, or not all.
    CONNECT_TIMEOUT = "connect_timeout"
    REPLY_TIMEOUT = "reply_timeout"
    CONNECTION_FAILED = "connection_failed"
    CONNECTION_RESET = "connection_reset"
    NAME_NOT_RESOLVED = "name_not_resolved"
    TLS_FAILED = "tls_failed"
    REPLY_TOO_LONG = "reply_too_long"
    KEY_ECHOED = "key_echoed"


class TapeTrailError(Exception):
    """The root of the four kinds below; never raised itself.

    `kind` is given where the error may end a decision: it is the reason that is recorded. `rule` is
    what was broken, for who must not repeat the value that broke it.
    """

    def __init__(
        self, message: str, *, kind: ErrorKind | None = None, rule: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.rule = rule


class InvalidInput(TapeTrailError):
    """What was given breaks a rule; the message names the value, the rule and the place."""


class NotFound(TapeTrailError):
    """Nothing of that name or number exists; the message says what does."""


class EdgeFailure(TapeTrailError):
    """Something outside did not do its part; trying again may help."""


class IntegrityFailure(TapeTrailError):
    """What was read back is not what was stored."""
