"""A real model, small as it is, is asked: each decision ends as a signal, or says truly why not."""

import json
from collections import Counter
from collections.abc import Generator
from typing import Final

import pytest
from tests.real_model import Absent, real_model
from tests.workflows.conftest import Home

pytestmark = [pytest.mark.service, pytest.mark.torture]

SYMBOLS: Final = "AAPL, GOOG, IBM, MSFT"
WEEKS: Final = ("2012-08-03", "2012-08-31")
DECISIONS: Final = 20
LONGEST_S: Final = 3600
# The prompts that come along take 4,000 tokens without a picture: minutes a call on one thread.
# So small a model needs to be shown an answer, or it goes on until it is cut.
PROMPT: Final = """\
{% block system %}
You read a chart from its last values, and answer with one JSON object, such as
EXAMPLE
The trend is "bullish", "bearish" or "neutral".
{% if schema is not none %}Its JSON schema: {{ schema }}{% endif %}
{% endblock %}
{% block question %}
{% for chart in charts %}
{% for number in chart.numbers %}
{{ number.name }} = {{ number.value }}
{% endfor %}
{% endfor %}
Where will the close be {{ strategy.horizon_sessions }} sessions on? Answer with the object alone.
{% endblock %}
"""
CHART: Final[dict[str, object]] = {
    "observations": ["RSI = 55.5"], "support_levels": [], "resistance_levels": [],
    "key_patterns": [], "reasoning": "The averages rise.", "trend": "bullish", "confidence": 0.6,
}  # fmt: skip
WHOLE: Final = {
    **CHART, "signal_type": "HOLD", "entry_type": None, "entry_price": None, "stop_loss": None,
    "target_price": None, "horizon_bars": 20, "confidence": None,
}  # fmt: skip
NO_ANSWER: Final = frozenset({
    "not_json", "against_schema", "bad_confidence", "invalid_levels", "levels_too_far",
    "reward_risk_too_low", "unparseable_reply", "truncated", "truncated_without_text",
    "empty_reply", "null_reply", "provider_failed",
})  # fmt: skip
"""Kinds that are the doing of such a model or its server."""


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    try:
        with real_model() as found:
            yield found
    except Absent as absent:
        pytest.skip(str(absent))


@pytest.mark.parametrize("by_schema", [True, False], ids=["by-schema", "by-instruction"])
def test_each_decision_of_a_real_model_ends_with_a_signal_or_its_true_reason(
    home: Home, url: str, *, by_schema: bool
) -> None:
    params = {"temperature": 0.6, "seed": 7, "max_output_tokens": 250}
    told = {"analyst": "compatible:smollm2", "base_url": f"{url}/v1", "image": False,
            "schema": by_schema, "params": params}  # fmt: skip
    # It answers one at a time: whoever waits does so here, where no clock runs against them.
    limit = "[providers.compatible]\nmax_in_flight = 1\n"
    (home.path.parent / "tapetrail.toml").write_text(limit, encoding="utf-8")
    for name, shown in (("small-chart", CHART), ("small-whole", WHOLE)):
        template = home.path.parent / f"{name}.jinja"
        body = PROMPT.replace("EXAMPLE", json.dumps(shown))
        template.write_text(body, encoding="utf-8")
        applied = home.run("prompts", "apply", str(template))
        assert applied.returncode == 0, applied.stdout + applied.stderr
    prompt = "prompt: {chart: small-chart-v1, consolidated: small-whole-v1}"
    more = f"timeframes: [1d]\n{prompt}\nanalyst: {json.dumps(told)}"
    file, (first, last) = home.strategy(symbols=SYMBOLS, more=more), WEEKS
    with home.started("backfill", file, "--from", first, "--to", last) as running:
        said, _ = running.communicate(timeout=LONGEST_S)
    assert running.returncode in {0, 1}, said
    decisions = home.rows("SELECT id, status, error_kind, error_message FROM tapetrail.decisions")
    assert len(decisions) == DECISIONS
    signals = home.rows("SELECT decision_id, role FROM tapetrail.trading_signals")
    deciding_ids = {row["decision_id"] for row in signals if row["role"] == "deciding"}
    for row in decisions:
        assert (row["status"] == "completed") is (row["id"] in deciding_ids)
        assert row["status"] == "completed" or row["error_kind"] in NO_ANSWER, row
        assert row["status"] == "completed" or row["error_message"]
    analyses = home.rows("SELECT question, status, error_kind FROM tapetrail.llm_analyses")
    for row in analyses:
        assert row["status"] == "completed" or row["error_kind"] in NO_ANSWER, row
    replies = home.rows("SELECT error_kind, error_message FROM tapetrail.llm_replies")
    assert {row["error_kind"] for row in replies} == {None}
    counts = Counter((row["question"], row["error_kind"] or row["status"]) for row in analyses)
    ends = Counter(row["error_kind"] or row["status"] for row in decisions)
    print(f"decisions: {dict(ends)}; analyses: {dict(counts)}; signals: {len(signals)}")  # noqa: T201 # for -s
    assert home.run("verify", "--deep").returncode == 0


def test_a_refusal_of_images_is_on_record_as_what_it_is(home: Home, url: str) -> None:
    told = {"analyst": "compatible:smollm2", "base_url": f"{url}/v1"}
    file = home.strategy(symbols="IBM", more=f"analyst: {json.dumps(told)}")
    assert home.run("run", file, "--as-of", WEEKS[1]).returncode == 1
    for row in home.rows("SELECT error_kind, error_message FROM tapetrail.llm_analyses"):
        assert row["error_kind"] == "provider_failed"
        assert "image input is not supported" in row["error_message"]
    (decision,) = home.rows("SELECT status, error_kind FROM tapetrail.decisions")
    assert (decision["status"], decision["error_kind"]) == ("failed", "provider_failed")
    assert {
        row["http_status"] for row in home.rows("SELECT http_status FROM tapetrail.llm_replies")
    } == {500}
    assert home.run("verify", "--deep").returncode == 0
