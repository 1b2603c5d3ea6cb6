"""Each wire format: a request is always the same bytes, and every reply is read as what it is."""

import base64
import gzip
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire_replies import (
    FORMATS,
    GOOD,
    TEXT,
    chat,
    generated,
    message,
    part,
    read,
    responses,
    wire,
)

from tapetrail.analysts.models import bodies
from tapetrail.analysts.models.asking import Image, ModelRequest, Params
from tapetrail.analysts.models.usage import Usage
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.strategy.analysts import Tier

VECTORS: Final = Path(__file__).parents[1] / "vectors" / "model_requests.json"
JPEG: Final = b"\xff\xd8\xff\xe0 a daily chart"
SCHEMA: Final = {
    "type": "object",
    "properties": {"trend": {"type": "string"}, "observations": {"type": "string"}},
    "required": ["trend", "observations"],
    "additionalProperties": False,
}
PLAIN: Final = ModelRequest(model="some-model", system="You read charts.", text="What of Zoë?")
FULL: Final = replace(
    PLAIN,
    images=(Image(label="1d", jpeg=JPEG), Image(label="1w", jpeg=b"\xff\xd8\xff\xe1 a week's")),
    schema=SCHEMA,
    params=Params(
        max_output_tokens=900, temperature=Decimal("0.2"), top_p=Decimal(1), reasoning_effort="low"
    ),
    tier=Tier.PRIORITY,
)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("form", "request_"), [("plain", PLAIN), ("full", FULL)])
def test_a_request_is_these_bytes(name: str, form: str, request_: ModelRequest) -> None:
    """Written once, held for good: what was asked is found again by the digest of its bytes."""
    expected = json.loads(VECTORS.read_text(encoding="utf-8"))[name][form]
    assert wire(name).build(request_).decode() == expected
    assert wire(name).build(replace(request_)) == wire(name).build(request_)


@pytest.mark.parametrize("name", FORMATS)
def test_the_image_travels_as_it_is_and_between_what_stays_and_what_changes(name: str) -> None:
    body = wire(name).build(FULL).decode()
    encoded = base64.b64encode(JPEG).decode()
    places = [body.index(text) for text in ("You read charts.", encoded, "What of Zoë?")]
    assert places == sorted(places)


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_sent_that_is_not_set(name: str) -> None:
    sent = json.loads(wire(name).build(PLAIN))
    words = json.dumps(sent).lower()
    for word in ("temperature", "seed", "top", "effort", "think", "schema", "user_id"):
        assert word not in words
    assert ("tier" in words) == (name in {"openai", "openai-chat"})
    assert "16384" in words


def test_no_default_of_a_project_makes_a_call_dearer_than_what_budgets_count_with() -> None:
    for name in ("openai", "openai-chat"):
        assert json.loads(wire(name).build(PLAIN))["service_tier"] == "default"
    assert "service_tier" not in json.loads(wire("compatible").build(PLAIN))


def test_openai_keeps_nothing_and_is_told_the_detail() -> None:
    for name in ("openai", "openai-chat"):
        sent = json.loads(wire(name).build(FULL))
        assert sent["store"] is False
    assert "store" not in json.loads(wire("compatible").build(FULL))
    assert json.loads(wire("openai").build(FULL))["input"][0]["content"][1]["detail"] == "high"


def test_a_chosen_seed_is_sent_or_refused_and_never_dropped() -> None:
    seeded = replace(PLAIN, params=Params(seed=7))
    for name in ("openai-chat", "compatible"):
        assert json.loads(wire(name).build(seeded))["seed"] == 7
    assert json.loads(wire("google").build(seeded))["generationConfig"]["seed"] == 7
    for name in ("openai", "anthropic"):
        with pytest.raises(InvalidInput, match=r"seed 7: .* takes no seed; leave it out"):
            wire(name).build(seeded)


def test_a_tier_that_a_provider_lacks_is_refused() -> None:
    flex = replace(PLAIN, tier=Tier.FLEX)
    with pytest.raises(InvalidInput, match="tier flex: anthropic serves standard and priority"):
        wire("anthropic").build(flex)
    assert json.loads(wire("openai").build(flex))["service_tier"] == "flex"
    assert json.loads(wire("google").build(flex))["serviceTier"] == "flex"


def test_a_request_that_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidInput, match="system ' ' is empty"):
        replace(PLAIN, system=" ")
    with pytest.raises(InvalidInput, match="not as a JPEG"):
        Image(label="1d", jpeg=b"\x89PNG")
    with pytest.raises(InvalidInput, match="max_output_tokens 0"):
        Params(max_output_tokens=0)
    with pytest.raises(InvalidInput, match="temperature NaN"):
        Params(temperature=Decimal("nan"))
    with pytest.raises(InvalidInput, match="half a character after"):
        wire("openai").build(replace(PLAIN, text="so \ud800"))


def test_paths_follow_the_base_url_and_name_the_model_where_the_wire_wants_it() -> None:
    assert {name: each.path("a/b") for name, each in FORMATS.items()} == {
        "openai": "/responses",
        "openai-chat": "/chat/completions",
        "compatible": "/chat/completions",
        "anthropic": "/v1/messages",
        "google": "/v1beta/models/a%2Fb:generateContent",
    }


@pytest.mark.parametrize("name", FORMATS)
def test_an_answer_is_its_text_without_thoughts(name: str) -> None:
    found = read(name, GOOD[name])
    assert (found.text, found.error_kind) == (TEXT, None)
    assert found.model_reported in {"gpt-5.2-2025-12-11", "claude-sonnet-5", "gemini-3-pro"}
    assert found.finish_reason in {"completed", "stop", "end_turn", "STOP"}


USAGES: Final = {
    "openai": Usage(input=150, cached_read=1000, cache_write=50, output=300, reasoning=200),
    "openai-chat": Usage(input=200, cached_read=1000, image=800, output=300, reasoning=200),
    "compatible": Usage(input=200, cached_read=1000, image=800, output=300, reasoning=200),
    "anthropic": Usage(
        input=150,
        cached_read=1000,
        cache_write_5m=40,
        cache_write_1h=30,
        output=300,
        reasoning=200,
    ),
    "google": Usage(input=200, cached_read=1000, image=800, output=300, reasoning=200),
}


@pytest.mark.parametrize("name", FORMATS)
def test_each_token_is_counted_once(name: str) -> None:
    found = read(name, GOOD[name])
    total = 1520 if name == "anthropic" else 1500
    assert found.counted == USAGES[name]
    assert found.tokens_used == USAGES[name].tokens_used == total
    raw = GOOD[name].get("usage") or GOOD[name]["usageMetadata"]
    assert found.usage == {**USAGES[name].counts(), "raw": raw}


def test_a_tier_is_what_was_served() -> None:
    tiers = {name: read(name, GOOD[name]).service_tier for name in FORMATS}
    assert tiers == {
        "openai": "flex",
        "openai-chat": "default",
        "compatible": "default",
        "anthropic": "priority",
        "google": None,
    }
    body, kept = json.dumps(GOOD["google"]).encode(), {"x-gemini-service-tier": "flex"}
    assert wire("google").read(body, http_status=200, headers=kept).service_tier == "flex"


def test_reasoning_beside_the_completion_is_counted_too() -> None:
    """As xAI counts: the total tells it from OpenAI's way."""
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 100},
        "total_tokens": 115,
    }
    found = read("compatible", chat(usage=usage)).counted
    assert found == Usage(input=10, output=105, reasoning=100)


def test_counts_of_zero_are_left_out_by_google() -> None:
    usage = {"promptTokenCount": 10, "thoughtsTokenCount": 5, "totalTokenCount": 15}
    found = read("google", {**generated(), "usageMetadata": usage}).counted
    assert found == Usage(input=10, output=5, reasoning=5)


@pytest.mark.parametrize(
    ("usage", "says"),
    [
        ({"completion_tokens": 5}, "input is missing"),
        ({"prompt_tokens": 5}, "output is missing"),
        ({"prompt_tokens": "5", "completion_tokens": 5}, "prompt_tokens '5' is no whole number"),
        ({"prompt_tokens": True, "completion_tokens": 5}, "'True' is no whole number"),
        ({"prompt_tokens": -1, "completion_tokens": 5}, "input -1 must be from 0"),
        ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 4}, "total 4, and input 1"),
        (
            {
                "prompt_tokens": 1,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 2},
            },
            "input -1 must be from 0",
        ),
        (
            {
                "prompt_tokens": 1,
                "completion_tokens": 2,
                "prompt_tokens_details": {"image_tokens": 2},
            },
            "image 2 is a part of 1",
        ),
    ],
)
def test_a_usage_that_cannot_be_is_kept_raw_and_not_counted(
    usage: dict[str, Any], says: str
) -> None:
    found = read("openai-chat", chat(usage=usage))
    assert (found.text, found.counted, found.tokens_used) == (TEXT, None, None)
    assert found.usage is not None
    assert found.usage["raw"] == usage
    assert says in str(found.usage["uncounted"])


@pytest.mark.parametrize("name", FORMATS)
def test_a_missing_usage_is_nothing_made_up(name: str) -> None:
    without = {key: value for key, value in GOOD[name].items() if not key.startswith("usage")}
    found = read(name, without)
    assert (found.text, found.usage, found.counted, found.tokens_used) == (TEXT, None, None, None)


REFUSAL: Final = {"role": "assistant", "content": None, "refusal": "I can't advise on that."}
CALLS: Final = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
NOTHING: Final = {"role": "assistant", "content": None}
BLOCKED: Final = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": "g"}


@pytest.mark.parametrize(
    ("name", "document", "kind", "says"),
    [
        ("openai", responses(part(type="refusal", refusal="I can't.")), "refused", "I can't."),
        (
            "openai",
            responses(status="incomplete", incomplete_details={"reason": "content_filter"}),
            "refused",
            "content_filter",
        ),
        (
            "openai",
            responses(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            "truncated",
            "max_output_tokens",
        ),
        (
            "openai",
            responses(
                {"type": "reasoning"},
                status="incomplete",
                incomplete_details={"reason": "max_output_tokens"},
            ),
            "truncated_without_text",
            "thinking counts",
        ),
        (
            "openai",
            responses(status="incomplete", incomplete_details={"reason": "steered"}),
            "malformed_reply",
            "steered",
        ),
        ("openai", responses(status="queued"), "malformed_reply", "'queued'"),
        ("openai", responses(status=None), "malformed_reply", "status is missing"),
        (
            "openai",
            responses({"type": "function_call", "name": "buy"}),
            "malformed_reply",
            "tool call",
        ),
        ("openai", responses(part(type="output_text", text=" ")), "empty_reply", "' '"),
        ("openai", responses({"type": "reasoning"}), "null_reply", "no text"),
        ("openai-chat", chat(message=REFUSAL), "refused", "I can't advise"),
        ("openai-chat", chat(finish_reason="content_filter"), "refused", "content_filter"),
        ("openai-chat", chat(finish_reason="length"), "truncated", "length"),
        (
            "openai-chat",
            chat(finish_reason="length", message=NOTHING),
            "truncated_without_text",
            "no text",
        ),
        ("openai-chat", chat(finish_reason="tool_calls", message=CALLS), "malformed_reply", "tool"),
        ("compatible", chat(message=CALLS), "malformed_reply", "tool call"),
        ("openai-chat", chat(finish_reason="odd"), "malformed_reply", "'odd' is unknown"),
        ("openai-chat", chat(message={"content": ""}), "empty_reply", "''"),
        ("openai-chat", chat(message=NOTHING), "null_reply", "no text"),
        ("openai-chat", chat(message={"content": [TEXT]}), "malformed_reply", "content is no text"),
        ("openai-chat", chat(choices=[]), "malformed_reply", "no message"),
        ("anthropic", message(stop_reason="refusal"), "refused", "refusal"),
        ("anthropic", message(stop_reason="pause_turn"), "paused", "pause_turn"),
        ("anthropic", message(stop_reason="max_tokens"), "truncated", "max_tokens"),
        (
            "anthropic",
            message({"type": "thinking"}, stop_reason="max_tokens"),
            "truncated_without_text",
            "max_tokens",
        ),
        (
            "anthropic",
            message(stop_reason="model_context_window_exceeded"),
            "truncated",
            "context_window",
        ),
        ("anthropic", message(stop_reason="tool_use"), "malformed_reply", "tool call"),
        ("anthropic", message(stop_reason=None), "malformed_reply", "stop_reason is missing"),
        ("anthropic", message({"type": "text", "text": ""}), "empty_reply", "''"),
        ("anthropic", message({"type": "thinking"}), "null_reply", "no text"),
        ("google", generated(finishReason="SAFETY"), "refused", "SAFETY"),
        ("google", generated(finishReason="PROHIBITED_CONTENT"), "refused", "PROHIBITED"),
        ("google", BLOCKED, "blocked", "PROHIBITED_CONTENT"),
        ("google", generated(finishReason="MAX_TOKENS"), "truncated", "MAX_TOKENS"),
        (
            "google",
            generated(content={"role": "model"}, finishReason="MAX_TOKENS"),
            "truncated_without_text",
            "no text",
        ),
        ("google", generated(finishReason="MALFORMED_RESPONSE"), "malformed_reply", "MALFORMED"),
        ("google", generated(finishReason="CONTINUATION"), "paused", "CONTINUATION"),
        ("google", generated({"functionCall": {"name": "buy"}}), "malformed_reply", "tool call"),
        ("google", {"modelVersion": "g"}, "malformed_reply", "no candidates"),
        ("google", generated(finishReason=None), "malformed_reply", "finishReason is missing"),
        ("google", generated({"text": ""}), "empty_reply", "''"),
        ("google", generated(content=None), "null_reply", "no text"),
    ],
)
def test_each_way_of_not_answering_is_a_kind_with_its_reason(
    name: str, document: object, *, kind: str, says: str
) -> None:
    found = read(name, document)
    assert (found.text, found.error_kind) == (None, kind)
    assert says in (found.error_message or "")


@pytest.mark.parametrize("name", FORMATS)
def test_what_costs_without_an_answer_is_counted(name: str) -> None:
    changed = {
        "openai": responses(part(type="refusal", refusal="No.")),
        "openai-chat": chat(message=REFUSAL),
        "compatible": chat(message=REFUSAL),
        "anthropic": message(stop_reason="refusal"),
        "google": generated(finishReason="SAFETY"),
    }
    found = read(name, changed[name])
    assert found.error_kind is ErrorKind.REFUSED
    assert found.counted == USAGES[name]


def test_a_failure_half_way_says_so_and_what_it_cost() -> None:
    error = {"code": "server_error", "message": "Sorry."}
    found = read("openai", responses(status="failed", error=error))
    assert (found.error_kind, found.provider_error) == (ErrorKind.PROVIDER_FAILED, "server_error")
    assert found.counted == USAGES["openai"]
    inside = {"error": {"code": 429, "message": "Slow down."}}
    assert read("compatible", inside).error_kind is ErrorKind.RATE_LIMITED


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "empty_reply"),
        (b" \r\n", "empty_reply"),
        (b"<!DOCTYPE html><p>Log in", "html_body"),
        (b"\n <HTML>", "html_body"),
        (b"not json", "not_json_body"),
        (b'{"choices": [', "not_json_body"),
        (b"[]", "not_json_body"),
        (b"null", "not_json_body"),
        (b'"text"', "not_json_body"),
        (b"\xff\xfe\x00", "not_json_body"),
        (b'{"a": NaN}', "not_json_body"),
        (b'{"a": 1e999999999}', "not_json_body"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not_json_body"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not_json_body"),
        (b'{"a": ' + b"[" * 80 + b"]" * 80 + b"}", "not_json_body"),
        (b"{}", "malformed_reply"),
    ],
)
def test_a_body_that_is_no_reply_is_said_to_be_none(name: str, body: bytes, kind: str) -> None:
    found = wire(name).read(body, http_status=200)
    assert (found.text, found.error_kind) == (None, kind)


def test_a_message_shows_nothing_that_a_terminal_or_a_table_would_obey() -> None:
    odd = "\x1b[31m<script>\x00" + "x" * 1000
    found = read("openai-chat", chat(message={**REFUSAL, "refusal": odd}, model="m\x00"))
    assert found.error_message is not None
    assert "\x1b" not in found.error_message
    assert len(found.error_message) < 250
    assert found.model_reported == "m\ufffd"


def test_an_answer_is_taken_as_it_is_whatever_is_in_it() -> None:
    odd = "\x1b[31m<script>\x00" + "x" * 1_000_000
    assert read("openai-chat", chat(message={"content": odd})).text == odd


def test_an_encoding_that_nobody_asked_for_is_undone_or_named() -> None:
    body = json.dumps(chat()).encode()
    packed = gzip.compress(body, mtime=0)
    reader = wire("compatible").read
    assert reader(packed, http_status=200, headers={"content-encoding": "gzip"}).text == TEXT
    for wrong, encoding, says in (
        (body, "gzip", "the bytes are not"),
        (packed[:-20], "gzip", "cut short"),
        (gzip.compress(b" " * 10_000_001), "gzip", "above 10000000"),
        (body, "br", "identity was asked for"),
    ):
        found = reader(wrong, http_status=200, headers={"content-encoding": encoding})
        assert found.error_kind is ErrorKind.NOT_JSON_BODY
        assert says in (found.error_message or "")
    failed = reader(body, http_status=502, headers={"content-encoding": "gzip"})
    assert failed.error_kind is ErrorKind.PROVIDER_FAILED


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
PATHS: Final = {
    "openai": [["output"], ["output", 1, "content"], ["status"], ["usage"], ["error"], ["model"]],
    "openai-chat": [["choices"], ["choices", 0, "message"], ["usage"], ["error"]],
    "compatible": [["choices", 0], ["choices", 0, "message", "content"], ["usage"]],
    "anthropic": [["content"], ["content", 1], ["stop_reason"], ["usage", "cache_creation"]],
    "google": [["candidates"], ["candidates", 0, "content", "parts"], ["usageMetadata"]],
}


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
def test_whatever_comes_is_a_text_or_a_kind(name: str, data: st.DataObject) -> None:
    document = json.loads(json.dumps(GOOD[name]))
    *way, last = data.draw(st.sampled_from(PATHS[name]))
    place: Any = document
    for step in way:
        place = place[step]
    place[last] = data.draw(JSON)
    status = data.draw(st.sampled_from([200, 200, 200, 204, 301, 400, 429, 500, 529]))
    body = data.draw(st.sampled_from([json.dumps(document), json.dumps(place[last])])).encode()
    found = wire(name).read(body, http_status=status)
    assert (found.text is None) == (found.error_kind is not None)


@given(body=st.binary(), status=st.integers(min_value=200, max_value=599))
def test_any_bytes_are_a_kind(body: bytes, status: int) -> None:
    for each in FORMATS.values():
        assert each.read(body, http_status=status).text is None


@given(st.binary(max_size=64))
def test_base64_is_as_long_as_it_is_said_to_be(content: bytes) -> None:
    assert bodies.base64_size(content) == len(bodies.base64_text(content))
