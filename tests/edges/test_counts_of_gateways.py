"""Tokens as servers and gateways state them that only nearly speak their provider's format."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from tests.wire_replies import chat, message, read, responses

from tapetrail.analysts.models.analyst import Models
from tapetrail.analysts.models.reading import ReadReply
from tapetrail.analysts.protocol import Response
from tapetrail.core.strategy.analysts import AnalystSpec, StatedPrice, Tier
from tapetrail.http.transport import Transport

NOON: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)


def stating(**usage: object) -> ReadReply:
    return read("compatible", chat(usage=usage))


@pytest.mark.parametrize(
    ("stated", "kinds"),
    [
        # DeepSeek, whose two counts make the prompt.
        ({"prompt_cache_hit_tokens": 900, "prompt_cache_miss_tokens": 100}, (100, 900, 0)),
        ({"prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": 1000}, (1000, 0, 0)),
        # Moonshot, beside the other counts.
        ({"cached_tokens": 900}, (100, 900, 0)),
        # Claude behind a gateway, which says each of them twice.
        (
            {
                "prompt_tokens_details": {"cached_tokens": 600, "cache_creation_tokens": 390},
                "cache_read_input_tokens": 600,
                "cache_creation_input_tokens": 390,
            },
            (10, 600, 390),
        ),
        ({"prompt_tokens_details": {"cached_tokens": None}, "cached_tokens": 900}, (100, 900, 0)),
    ],
)
def test_what_a_cache_gave_and_took_is_read_by_whichever_name(
    stated: dict[str, Any], kinds: tuple[int, int, int]
) -> None:
    found = stating(prompt_tokens=1000, completion_tokens=40, total_tokens=1040, **stated).counted
    assert found is not None
    assert (found.input, found.cached_read, found.cache_write) == kinds


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        # A server that leaves out what its cache gave, and one that counts nothing.
        ({"prompt_tokens": 0, "completion_tokens": 40}, "input 0, and there is a text"),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, "input 0, and there"),
        ({"prompt_tokens": 9, "completion_tokens": 0}, "output 0, and there is a text"),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 0},
                "prompt_cache_hit_tokens": 8,
            },
            "cached_tokens 0 and prompt_cache_hit_tokens 8 count the same, and differ",
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 0},
                "cached_tokens": 8,
            },
            "cached_tokens 0 and cached_tokens 8 count the same, and differ",
        ),
    ],
)
def test_counts_that_cannot_be_are_not_counted(stated: dict[str, Any], says: str) -> None:
    found = stating(**stated)
    assert (found.counted, found.tokens_used) == (None, None)
    assert found.usage is not None
    assert says in str(found.usage["uncounted"])
    assert found.text is not None


def test_nothing_used_is_believed_where_nothing_came() -> None:
    none = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    assert read("compatible", chat(message={"content": None}, usage=none)).tokens_used == 0


def test_writes_to_a_cache_that_are_less_than_their_parts_are_not_counted() -> None:
    parts = {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 30}
    usage = {"input_tokens": 1, "output_tokens": 1, "cache_creation": parts}
    whole = read("anthropic", message(usage=usage)).counted
    assert whole is not None
    assert (whole.cache_write, whole.input_total) == (0, 71)
    found = read("anthropic", message(usage={**usage, "cache_creation_input_tokens": 60}))
    assert found.usage is not None
    assert "cache_write -10" in str(found.usage["uncounted"])


@pytest.mark.parametrize(
    ("status", "cost"),
    [
        (400, Decimal(0)), (429, Decimal(0)), (500, Decimal(0)), (503, Decimal(0)),
        (529, Decimal(0)), (408, None), (499, None), (502, None), (504, None), (524, None),
    ],
)  # fmt: skip
def test_what_a_gateway_gave_up_on_may_have_cost_and_what_was_refused_did_not(
    status: int, cost: Decimal | None
) -> None:
    with Transport(clock=lambda: NOON) as transport:
        model = Models({}, transport=transport).open(AnalystSpec(analyst="openai:gpt-5.2"))
        found = model.read(Response(body=b"<html>", media_type="text/html", http_status=status))
    assert (found.text, found.cost_usd) == (None, cost)


@pytest.mark.parametrize(
    ("asked", "served", "cost"),
    [
        # 1,200 read, 1,000 of them from a cache, and 300 written; flex costs half of the standard.
        (None, None, Decimal("0.004725")),
        (Tier.STANDARD, None, Decimal("0.004725")),
        (Tier.FLEX, "default", Decimal("0.004725")),
        (Tier.FLEX, "flex", Decimal("0.0023625")),
        (Tier.FLEX, None, None),
        (Tier.PRIORITY, None, None),
    ],
)
def test_a_tier_is_priced_that_was_served_and_not_that_was_asked_for(
    asked: Tier | None, served: str | None, cost: Decimal | None
) -> None:
    said = json.dumps(responses(service_tier=served)).encode()
    response = Response(
        body=said,
        media_type="application/json",
        http_status=200,
        base_url="https://api.openai.com/v1",
        sent_at=NOON,
    )
    with Transport(clock=lambda: NOON) as transport:
        models = Models({}, transport=transport)
        found = models.open(AnalystSpec(analyst="openai:gpt-5.2", tier=asked)).read(response)
        price = StatedPrice(input=Decimal(1), output=Decimal(1))
        stated = models.open(AnalystSpec(analyst="openai:gpt-5.2", tier=asked, price=price))
        assert stated.read(response).cost_usd == Decimal("0.0015")
    assert found.cost_usd == cost
    assert ("does not say which one was served" in str(found.unit_prices)) is (cost is None)
