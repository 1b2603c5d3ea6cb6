"""Where a family is asked and with which key, and when a call is worth another one."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire_replies import FORMATS, read, wire

from tapetrail.analysts.models.analyst import Models
from tapetrail.analysts.models.families import FAMILIES, Family
from tapetrail.analysts.models.keys import access, checked_url
from tapetrail.analysts.models.retry import PASSES, STOPS_ANALYST, GiveUp, Trouble, Wait, after
from tapetrail.analysts.protocol import Request
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.strategy.analysts import AnalystSpec
from tapetrail.http.transport import Transport

LIMIT: Final = "enforced_spend_limit_reached"
KEY: Final = "sk-never-to-be-seen-0123456789"
NOW: Final = datetime(2026, 11, 20, 21, tzinfo=UTC)


def family(word: str) -> Family:
    (found,) = (each for each in FAMILIES if each.word == word)
    return found


def revealed(word: str, environment: dict[str, str], **stated: str) -> dict[str, str]:
    secrets = access(family(word), environment, **stated).secrets
    return {name: secret.reveal() for name, secret in secrets.items()}


def refusal(word: str, environment: dict[str, str], **stated: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        access(family(word), environment, **stated)
    assert KEY not in f"{caught.value} {caught.value!r}"
    return caught.value


def test_every_wire_format_has_a_family_and_every_family_a_word_of_its_own() -> None:
    assert {each.word: each.wire for each in FAMILIES} == FORMATS


@pytest.mark.parametrize(
    ("word", "environment", "header"),
    [
        ("openai", {"OPENAI_API_KEY": "k1"}, {"authorization": "Bearer k1"}),
        ("openai-chat", {"OPENAI_API_KEY": "k1"}, {"authorization": "Bearer k1"}),
        ("anthropic", {"ANTHROPIC_API_KEY": "k1"}, {"x-api-key": "k1"}),
        ("google", {"GEMINI_API_KEY": "k2"}, {"x-goog-api-key": "k2"}),
        (
            "google",
            {"GEMINI_API_KEY": "k2", "GOOGLE_API_KEY": "k1"},
            {"x-goog-api-key": "k1"},
        ),
        ("google", {"GEMINI_API_KEY": "k2", "GOOGLE_API_KEY": ""}, {"x-goog-api-key": "k2"}),
    ],
)
def test_keys_are_taken_from_the_names_that_people_have_set(
    word: str, environment: dict[str, str], header: dict[str, str]
) -> None:
    assert revealed(word, environment) == header


def test_a_strategy_may_name_another_variable_and_only_that_one_counts() -> None:
    environment = {"OPENAI_API_KEY": "k1", "TEAM_API_KEY": "k2"}
    assert revealed("openai", environment, key_env="TEAM_API_KEY") == {"authorization": "Bearer k2"}
    found = refusal("openai", {"OPENAI_API_KEY": KEY}, key_env="TEAM_API_KEY")
    assert found.kind is ErrorKind.KEY_MISSING
    assert (
        found.message == "openai: no key; set TEAM_API_KEY to one, or write it into your keys_file"
    )


def test_a_missing_key_is_said_with_the_variables_to_set() -> None:
    found = refusal("google", {})
    assert found.kind is ErrorKind.KEY_MISSING
    assert found.message == (
        "google: no key; set GOOGLE_API_KEY or GEMINI_API_KEY to one, or write it into your"
        " keys_file"
    )


@pytest.mark.parametrize("key", [f"{KEY}\n", f" {KEY}", f"{KEY} {KEY}", f"{KEY}é", f"{KEY}\x00"])
def test_a_key_that_no_header_takes_is_refused_unseen(key: str) -> None:
    assert "OPENAI_API_KEY: a key is" in refusal("openai", {"OPENAI_API_KEY": key}).message


def test_organisation_and_project_go_along_where_they_are_set() -> None:
    environment = {"OPENAI_API_KEY": "k", "OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "p-1"}
    for word in ("openai", "openai-chat"):
        found = access(family(word), environment).headers
        assert found == {"openai-organization": "org-1", "openai-project": "p-1"}
    assert access(family("openai"), {"OPENAI_API_KEY": "k"}).headers == {}
    found = refusal("openai", {**environment, "OPENAI_ORG_ID": "org 1"})
    assert found.message.startswith("OPENAI_ORG_ID: has a blank")


def test_addresses_are_the_providers_or_those_of_the_environment() -> None:
    keys = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "GOOGLE_API_KEY": "k"}
    urls = {
        each.word: access(each, keys).call("m", b"").url
        for each in FAMILIES
        if each.word != "compatible"
    }
    assert urls == {
        "openai": "https://api.openai.com/v1/responses",
        "openai-chat": "https://api.openai.com/v1/chat/completions",
        "anthropic": "https://api.anthropic.com/v1/messages",
        "google": "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
    }
    other = {**keys, "OPENAI_BASE_URL": "https://eu.api.openai.com/v1/"}
    assert access(family("openai"), other).base_url == "https://eu.api.openai.com/v1"


def test_an_endpoint_of_ones_own_gets_no_key_that_is_not_named() -> None:
    keys = {"OPENAI_API_KEY": KEY}
    found = access(family("compatible"), keys, base_url="http://10.0.0.7:11434/v1")
    assert (found.secrets, found.headers) == ({}, {})
    assert found.call("llava", b"").url == "http://10.0.0.7:11434/v1/chat/completions"
    assert "no base_url; state the address" in refusal("compatible", keys).message


def test_a_strategy_cannot_send_a_providers_key_elsewhere() -> None:
    found = refusal("openai", {"OPENAI_API_KEY": KEY}, base_url="https://else.where/v1")
    assert "must not send the key of openai elsewhere; set OPENAI_BASE_URL" in found.message
    away = {"key_env": "OPENAI_API_KEY", "base_url": "https://else.where/v1"}
    found = refusal("compatible", {"OPENAI_API_KEY": KEY}, **away)
    assert "is the key of openai, and goes to api.openai.com alone" in found.message
    home = {**away, "base_url": "https://api.openai.com/v1"}
    assert access(family("compatible"), {"OPENAI_API_KEY": KEY}, **home).secrets
    clear = {"key_env": "LAN_API_KEY", "base_url": "http://10.0.0.7:11434/v1"}
    found = refusal("compatible", {"LAN_API_KEY": KEY}, **clear)
    assert "the key in LAN_API_KEY would be read on its way to http://10.0.0.7" in found.message
    other = {**away, "key_env": "AWS_SECRET_ACCESS_KEY"}
    assert "expected a name that ends with _API_KEY" in refusal("compatible", {}, **other).message


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://api.openai.com/v1", "at api.openai.com: http, expected https"),
        ("ftp://else.where", "at else.where: ftp, expected https"),
        (f"https://{KEY}@else.where/v1", "holds a user or a password"),
        (f"https://me:{KEY}@else.where/v1", "holds a user or a password"),
        (f"https://@{KEY}/v1", "holds a user or a password"),
        ("https://else.where/v1?key=x", "at else.where: has a query"),
        ("https://else.where/v1#x", "at else.where: has a query or fragment"),
        ("else.where/v1", "is no host"),
        ("https:///v1", "'' is no host"),
        ("https://else where/v1", "no blanks"),
        ("https://else.where/v1\n", "no blanks"),
        ("https://\u0435lse.where/v1", "xn--"),
        ("https://else.where:99999", "port cannot be read"),
        ("https://[::1", "port cannot be read"),
        ("http://127.0.0.1.else.where/v1", "expected https"),
        ("http://localhost.else.where/v1", "expected https"),
    ],
)
def test_an_address_that_a_key_must_not_go_to_is_refused(url: str, says: str) -> None:
    found = refusal("openai", {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": url})
    assert found.message.startswith("OPENAI_BASE_URL")
    assert says in found.message


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/v1", "http://localhost/v1", "http://[::1]:8080", "https://a.b"]
)
def test_this_machine_is_reached_without_tls(url: str) -> None:
    assert checked_url(url, place="X", schemes=("https",)) == url


def test_the_page_names_every_kind_of_no_answer_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "howto" / "add-a-provider.md").read_text("utf-8")
    table = page.partition("| kind | when |")[2]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = [kind for row in rows for kind in re.findall(r"`(\w+)`", row)]
    kinds = list(ErrorKind)
    ours = kinds[kinds.index(ErrorKind.REFUSED) : kinds.index(ErrorKind.KEY_ECHOED) + 1]
    assert sorted(named) == sorted(ours)


ERRORS: Final[list[tuple[str, int, object, str]]] = [
    ("openai", 401, {"error": {"code": "invalid_api_key"}}, "bad_key"),
    ("openai", 429, {"error": {"code": "insufficient_quota"}}, "quota_exhausted"),
    ("openai", 429, {"error": {"type": "tokens", "code": "rate_limit_exceeded"}}, "rate_limited"),
    ("openai", 404, {"error": {"code": "model_not_found"}}, "unknown_model"),
    ("openai", 400, {"error": {"code": "content_policy_violation"}}, "blocked"),
    ("openai", 400, {"error": {"type": "invalid_request_error"}}, "bad_request"),
    (
        "anthropic",
        400,
        {"type": "error", "error": {"type": "invalid_request_error"}},
        "bad_request",
    ),
    ("anthropic", 402, {"type": "error", "error": {"type": "billing_error"}}, "quota_exhausted"),
    ("anthropic", 403, {"type": "error", "error": {"type": "permission_error"}}, "forbidden"),
    ("anthropic", 413, {"type": "error", "error": {"type": "request_too_large"}}, "bad_request"),
    ("anthropic", 529, {"type": "error", "error": {"type": "overloaded_error"}}, "overloaded"),
    (
        "anthropic",
        429,
        {"error": {"type": "rate_limit_error", "details": {"error_code": LIMIT}}},
        "quota_exhausted",
    ),
    (
        "google",
        400,
        {"error": {"status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}},
        "bad_key",
    ),
    ("google", 429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}, "rate_limited"),
    ("google", 503, {"error": {"code": 503, "status": "UNAVAILABLE"}}, "overloaded"),
    (
        "compatible",
        500,
        {"error": {"code": 500, "message": "image input is not supported"}},
        "provider_failed",
    ),
    ("compatible", 404, {"error": "model 'llava' not found"}, "unknown_model"),
    ("compatible", 400, {"object": "error", "message": "too long", "code": 400}, "bad_request"),
    ("compatible", 422, {"detail": "?"}, "bad_request"),
    ("compatible", 408, {}, "provider_timeout"),
    ("compatible", 409, {}, "request_conflict"),
    ("compatible", 502, {}, "provider_failed"),
    ("compatible", 504, {}, "provider_timeout"),
    ("compatible", 599, {}, "provider_failed"),
]


@pytest.mark.parametrize(("name", "status", "document", "kind"), ERRORS)
def test_an_error_is_a_kind_by_the_providers_word_and_else_by_the_status(
    name: str, status: int, *, document: object, kind: str
) -> None:
    found = read(name, document, http_status=status)
    assert (found.text, found.error_kind) == (None, kind)
    assert (found.error_message or "").startswith(f"HTTP {status}")


def test_an_error_says_what_the_provider_said() -> None:
    error = {
        "type": "invalid_request_error",
        "code": "bad_size",
        "message": "Image too \x1b large.",
    }
    found = read("openai", {"error": error}, http_status=400)
    assert found.error_message == (
        "HTTP 400 ('bad_size', 'invalid_request_error'): 'Image too \\x1b large.'"
    )
    assert found.provider_error == "bad_size"
    page = wire("openai").read(b"<html>502 Bad Gateway", http_status=502)
    assert page.error_kind is ErrorKind.PROVIDER_FAILED
    assert "'<html>502 Bad Gateway'" in (page.error_message or "")


def next_step(
    kind: ErrorKind = ErrorKind.RATE_LIMITED,
    *,
    attempt_no: int = 1,
    chance: float = 0,
    body_s: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Wait | GiveUp:
    """Return what follows a call at NOW."""
    trouble = Trouble(
        kind=kind, headers=headers or {}, retry_after_s=None if body_s is None else Decimal(body_s)
    )
    return after(trouble, attempt_no=attempt_no, chance=chance, now=NOW)


def seconds(found: Wait | GiveUp) -> float:
    assert isinstance(found, Wait), found
    return found.seconds


def reason(found: Wait | GiveUp) -> str:
    assert isinstance(found, GiveUp), found
    return found.reason


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Fri, 20 Nov 2026 21:00:20 GMT"}, 20),
        ({"retry-after": "Fri, 20 Nov 2026 22:00:20 +0100"}, 20),
        ({"retry-after": "Fri, 20 Nov 2026 21:00:20 -0000"}, 20),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "0", "retry-after": "9"}, 9),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9),
        ({}, 37),
        ({"retry-after": "3"}, 3),
    ],
)
def test_what_the_provider_asks_is_waited_for(stated: dict[str, str], expected: float) -> None:
    """In a header, or at least in the body."""
    assert seconds(next_step(headers=stated, body_s="37")) == expected
    found = next_step(headers=stated, body_s="37", chance=0.99)
    assert expected < seconds(found) < expected * 1.1


def test_what_it_asks_is_capped_and_said() -> None:
    found = next_step(headers={"retry-after": "86400"})
    assert seconds(found) == 300
    assert found.reason == "rate_limited: asked to wait 86400 s, capped at 300 s"


@pytest.mark.parametrize(
    "stated", ["", "soon", "nan", "inf", "-5", "0", "Fri, 20 Nov 2026 20:00:00 GMT", "32 Nov 1"]
)
def test_what_is_no_time_to_wait_leaves_our_own(stated: str) -> None:
    assert seconds(next_step(headers={"retry-after": stated})) == 0.5


def test_our_own_waits_double_with_jitter_up_to_a_cap() -> None:
    waits = [seconds(next_step(attempt_no=n, chance=0.5)) for n in range(1, 5)]
    assert waits == [0.75, 1.5, 3, 6]


def test_the_last_attempt_is_the_last() -> None:
    assert reason(next_step(attempt_no=5, headers={"retry-after": "1"})) == (
        "rate_limited: attempt 5 was the last of 5"
    )


@pytest.mark.parametrize("kind", sorted(STOPS_ANALYST))
def test_what_stays_so_is_not_tried_again_whatever_is_asked(kind: ErrorKind) -> None:
    found = next_step(kind, headers={"retry-after": "1", "x-should-retry": "true"})
    assert reason(found) == f"{kind}: it stays so for every question"


def test_the_providers_word_decides_where_it_could_help() -> None:
    no = next_step(ErrorKind.OVERLOADED, headers={"x-should-retry": "false", "retry-after": "1"})
    assert "asks not to" in reason(no)
    yes = next_step(ErrorKind.MALFORMED_REPLY, headers={"x-should-retry": "true"})
    assert seconds(yes) == 0.5
    assert "would bring the same" in reason(next_step(ErrorKind.MALFORMED_REPLY))


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_these_statuses_may_be_tried_again(status: int) -> None:
    found = read("anthropic", {}, http_status=status)
    assert found.error_kind in PASSES


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_these_statuses_stop_the_analyst(status: int) -> None:
    found = read("anthropic", {}, http_status=status)
    assert found.error_kind in STOPS_ANALYST


def test_google_says_in_the_body_how_long_to_wait() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37.25s"}]
    error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": details}
    found = read("google", {"error": error}, http_status=429)
    assert found.retry_after_s == Decimal("37.25")


@given(
    kind=st.sampled_from(ErrorKind),
    attempt_no=st.integers(min_value=1, max_value=10**6),
    chance=st.floats(min_value=0, max_value=1, exclude_max=True),
    stated=st.text() | st.floats().map(str) | st.integers().map(str),
)
def test_whatever_is_said_the_wait_is_bounded(
    kind: ErrorKind, attempt_no: int, *, chance: float, stated: str
) -> None:
    headers = {"retry-after": stated, "retry-after-ms": stated}
    found = next_step(kind, attempt_no=attempt_no, chance=chance, headers=headers)
    assert isinstance(found, GiveUp) or 0 < found.seconds <= 330


@pytest.mark.parametrize(
    ("tier", "stated", "longest"),
    [(None, None, 600), ("standard", None, 600), ("priority", None, 600), ("flex", None, 900),
     ("flex", 30, 30)],
)  # fmt: skip
def test_who_pays_half_waits_longer(tier: str | None, stated: int | None, longest: int) -> None:
    told = {"analyst": "openai:m", "tier": tier, "timeout_s": stated,
            "price": {"input": 1, "output": 1}}  # fmt: skip
    with Transport(clock=lambda: NOW) as transport:
        models = Models({"OPENAI_API_KEY": "sk-0123456789abcdef"}, transport=transport)
        opened = models.open(AnalystSpec.model_validate(told))
    demand = opened.demand(Request(body=b"", media_type="application/json"), at=NOW)
    assert demand.timeout_s == longest
