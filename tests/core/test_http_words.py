"""Secrets are known by the names they stand under, and are shown nowhere."""

import pytest

from tapetrail.core.http_words import (
    is_secret_header,
    open_headers,
    open_url,
    secrets_of,
    without,
)

KEY = "sk-0123456789abcdef"


@pytest.mark.parametrize(
    "name",
    [
        "Authorization", "x-api-key", "x-goog-api-key", "api-key", "Cookie", "set-cookie",
        "Proxy-Authorization", "x-amz-security-token", "X-Session", "my-secret", "idempotency-key",
    ],
)  # fmt: skip
def test_a_header_that_names_a_secret_is_cut(name: str) -> None:
    assert is_secret_header(name)
    assert open_headers([(name, "a"), ("Accept", "b")]) == {"accept": "b"}


@pytest.mark.parametrize(
    "name", ["x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-limit", "x-request-id"]
)
def test_counts_of_tokens_are_no_secret(name: str) -> None:
    assert open_headers([(name, "5")]) == {name: "5"}


def test_headers_of_one_name_are_joined_and_an_address_is_opened() -> None:
    headers = [("Vary", "a"), ("vary", "b"), ("Location", f"https://a.example/?token={KEY}")]
    assert open_headers(headers) == {"vary": "a, b", "location": "https://a.example/?token=***"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/v1?a=1&b=%20+x", "https://a.example/v1?a=1&b=%20+x"),
        (f"https://a.example:1/v1?key={KEY}&alt=sse", "https://a.example:1/v1?key=***&alt=sse"),
        (
            f"https://a.example/?k%65y={KEY}&API_KEY={KEY}",
            "https://a.example/?k%65y=***&API_KEY=***",
        ),
        ("https://a.example/?sig=x&sigv=2&sv=3", "https://a.example/?sig=***&sigv=***&sv=3"),
        ("https://a.example/?key&token=", "https://a.example/?key&token=***"),
        ("https://u:p@a.example/#x", "https://***@a.example/"),
        ("https://[a.example/", "***"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert open_url(url) == shown


def test_the_secrets_of_a_request_are_found_with_and_without_what_stands_before() -> None:
    headers = [
        ("authorization", f"Bearer {KEY}"), ("x-api-key", "ollama"), ("accept", "*/*"),
        ("Idempotency-Key", "stainless-python-retry-0123"),
    ]  # fmt: skip
    url = "https://u:password/0123456789@a.example/?key=a/b+c/0123456789&x=0123456789abcdef0"
    assert secrets_of("https://a.example", headers) == {f"Bearer {KEY}", KEY}
    assert secrets_of(url.replace("password/", "password-"), []) == {
        "password-0123456789", "a/b c/0123456789", "a%2Fb%20c%2F0123456789",
    }  # fmt: skip
    assert secrets_of("https://[a.example/", headers[:1]) == {f"Bearer {KEY}", KEY}


def test_a_text_is_shown_without_secrets_the_longest_first() -> None:
    assert without(f"at {KEY}0 and {KEY}", {KEY, KEY + "0"}) == "at *** and ***"
