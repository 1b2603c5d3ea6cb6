"""Costs against tables worked by hand; the lines of arithmetic stand beside them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import pytest
from tests.wire_replies import FORMATS, chat, generated, message, responses

from tapetrail.analysts.models.endpoints import Endpoint, endpoint
from tapetrail.analysts.models.families import FAMILIES
from tapetrail.analysts.models.pricing import (
    PricedCall,
    UnitPrices,
    UnknownPrice,
    ceiling_usd,
    cost_usd,
    known_price,
    price_of,
)
from tapetrail.analysts.models.usage import Usage
from tapetrail.core.canonical import canonical_json
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.strategy.analysts import StatedPrice

BY_WORD: Final = {family.word: family for family in FAMILIES}
NOW: Final = datetime(2026, 11, 27, 15, tzinfo=UTC)
STATED: Final = StatedPrice(input=Decimal("0.5"), output=Decimal(2))


def at_home(word: str) -> Endpoint:
    return endpoint(BY_WORD[word], BY_WORD[word].base_url or "https://models.example/v1")


def call(word: str, model: str, **changes: Any) -> PricedCall:
    asked = PricedCall(endpoint=at_home(word), model_asked=model, input_tokens=1_220, at=NOW)
    return replace(asked, **changes)


def usage_of(word: str, document: dict[str, Any]) -> Usage:
    found = FORMATS[word].read(json.dumps(document).encode(), http_status=200).counted
    assert found is not None
    return found


def known(asked: PricedCall) -> UnitPrices:
    found = price_of(asked)
    assert isinstance(found, UnitPrices), found
    return found


def why_unknown(asked: PricedCall) -> str:
    found = price_of(asked)
    assert isinstance(found, UnknownPrice), found
    return found.reason


class TestAgainstTablesWorkedByHand:
    def test_openai_responses_on_flex_with_a_cache_and_reasoning(self) -> None:
        # 1,200 read, of which 1,000 from a cache and 50 into one; 300 written, 200 of it reasoning.
        # Flex at 2026-11-27: 0.875 input (what goes into its cache costs no more), 0.0875, 7.
        #   150 x 0.875 + 50 x 0.875 + 1,000 x 0.0875 + 300 x 7
        # = 131.25 + 43.75 + 87.50 + 2,100 = 2,362.50 millionths
        prices = known(call("openai", "gpt-5.2", tier="flex"))
        assert cost_usd(usage_of("openai", responses()), prices) == Decimal("0.0023625")

    def test_openai_chat_with_images_that_cost_what_text_does(self) -> None:
        # 1,200 read, 800 of them an image and 1,000 from a cache; 300 written.
        #   200 x 1.75 + 1,000 x 0.175 + 300 x 14 = 350 + 175 + 4,200 = 4,725 millionths
        prices = known(call("openai-chat", "gpt-5.2", tier="default"))
        assert cost_usd(usage_of("openai-chat", chat()), prices) == Decimal("0.004725")

    def test_anthropic_with_writes_for_minutes_and_for_an_hour(self) -> None:
        # 150 + 1,000 read from a cache + 40 written for 5 minutes + 30 for an hour; 300 written.
        #   150 x 2 + 1,000 x 0.2 + 40 x 2.5 + 30 x 4 + 300 x 10
        # = 300 + 200 + 100 + 120 + 3,000 = 3,720 millionths
        used = usage_of("anthropic", message())
        asked = call("anthropic", "claude-sonnet-5", tier="standard")
        assert cost_usd(used, known(asked)) == Decimal("0.003720")
        # In the United States alone, a tenth more: 3,720 x 1.1 = 4,092
        assert cost_usd(used, known(replace(asked, region="us"))) == Decimal("0.004092")
        assert known(replace(asked, region="not_available")) == known(asked)

    def test_google_with_thoughts_beside_the_candidates(self) -> None:
        used = usage_of("google", generated())
        # 1,200 read, 800 of them an image and 1,000 from a cache; 100 written and 200 thought.
        #   200 x 1.25 + 1,000 x 0.125 + 300 x 10 = 250 + 125 + 3,000 = 3,375 millionths
        assert used.input_total == 1_200
        prices = known(call("google", "gemini-2.5-pro", tier="standard"))
        assert cost_usd(used, prices) == Decimal("0.003375")

    def test_compatible_costs_what_is_stated_and_nothing_on_this_machine(self) -> None:
        used = usage_of("compatible", chat())
        # 1,200 x 0.5 + 300 x 2 = 600 + 600 millionths: what a cache gave costs what input does.
        stated = known(call("compatible", "llava", stated=STATED))
        assert cost_usd(used, stated) == Decimal("0.0012")
        local = endpoint(BY_WORD["compatible"], "http://127.0.0.1:11434/v1")
        free = known(call("compatible", "llava", endpoint=local))
        assert (cost_usd(used, free), free.source) == (0, "local")

    def test_images_with_a_price_of_their_own(self) -> None:
        prices = known(call("google", "gemini-3.1-flash-live-preview"))
        # 1,000 read, 600 of them an image; 100 written: 400 x 0.75 + 600 x 1 + 100 x 4.5 = 1,350
        used = Usage(input=1_000, output=100, image=600)
        assert cost_usd(used, prices) == Decimal("0.00135")
        for unsaid in (
            Usage(input=10, output=1),
            Usage(input=9, output=1, cached_read=1, image=10),
        ):
            with pytest.raises(InvalidInput, match="does not say which of them are uncached"):
                cost_usd(unsaid, prices)


class TestWhatHoldsAtACall:
    def test_a_price_holds_until_the_day_it_changes(self) -> None:
        change = datetime(2026, 12, 1, tzinfo=UTC)
        before = known(call("google", "gemini-4-argon", at=change - timedelta(microseconds=1)))
        after = known(call("google", "gemini-4-argon", at=change))
        assert (before.rates.input, before.rates.output) == (2, 10)
        assert (after.rates.input, after.rates.output) == (4, 20)

    def test_the_day_of_a_price_is_the_one_in_utc(self) -> None:
        late = datetime.fromisoformat("2026-11-30T20:00:00-05:00")
        assert known(call("google", "gemini-4-argon", at=late)).rates.input == 4

    def test_more_tokens_than_a_threshold_make_all_of_them_dearer(self) -> None:
        at, above = (call("google", "gemini-2.5-pro", input_tokens=n) for n in (200_000, 200_001))
        assert (known(at).rates.input, known(above).rates.input) == (
            Decimal("1.25"),
            Decimal("2.5"),
        )
        own = call("openai", "gpt-6.2-sol", input_tokens=272_001)
        assert (known(own).rates.input, known(own).rates.output) == (4, 15)

    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            (call("openai", "gpt-5.2", tier="default"), "1.75"),
            (call("openai", "gpt-5.2", tier="priority"), "3.5"),
            (call("openai", "gpt-5.2", tier="fast"), "3.5"),
            (call("openai", "gpt-6.2-sol", tier="fast"), "4"),
            (call("openai", "gpt-5.2", tier=None), "1.75"),
            (call("google", "gemini-2.5-pro", tier="FLEX"), "0.625"),
            (call("google", "gemini-2.5-pro", tier="SERVICE_TIER_STANDARD"), "1.25"),
            (call("anthropic", "claude-opus-4-8", tier="batch"), "2.5"),
        ],
    )
    def test_the_tier_that_was_served_is_priced(self, asked: PricedCall, expected: str) -> None:
        assert known(asked).rates.input == Decimal(expected)

    def test_a_tier_before_its_listed_day_is_priced_by_its_page_or_not_at_all(self) -> None:
        day = datetime(2026, 9, 1, tzinfo=UTC)
        flex = known(call("openai", "gpt-5.2", tier="flex", at=day))
        assert (flex.rates.output, flex.source) == (
            7,
            "genai-prices 0.2.3, own table 2026-11-27",
        )
        assert "tier priority" in why_unknown(call("openai", "gpt-5.2", tier="priority", at=day))
        early = datetime(2026, 8, 1, tzinfo=UTC)
        assert "2026-08-01" in why_unknown(call("openai", "gpt-5.2", tier="flex", at=early))

    def test_what_a_page_does_not_say_of_a_tier_is_not_known(self) -> None:
        flex = known(call("google", "gemini-2.5-pro", tier="flex"))
        assert cost_usd(Usage(input=1_000_000, output=0), flex) == Decimal("0.625")
        with pytest.raises(InvalidInput, match="5 tokens cached_read of gemini") as caught:
            cost_usd(Usage(input=0, output=0, cached_read=5), flex)
        assert caught.value.kind is ErrorKind.UNKNOWN_PRICE


class TestWhoSaysIt:
    def test_what_is_stated_goes_before_all_else(self) -> None:
        stated = known(call("openai", "gpt-5.2", tier="flex", region="eu", stated=STATED))
        assert (stated.source, stated.rates.input) == ("stated", Decimal("0.5"))
        local = endpoint(BY_WORD["compatible"], "http://localhost:1/v1")
        assert known(call("compatible", "x", endpoint=local, stated=STATED)).source == "stated"

    def test_the_reported_model_goes_before_the_asked_one(self) -> None:
        both = known(call("openai", "gpt-5.2", model_reported="gpt-5-mini-2025-08-07"))
        assert (both.model, both.rates.input) == ("gpt-5-mini", Decimal("0.25"))
        asked = known(call("openai", "gpt-5.2", model_reported="gpt-5.2-of-tomorrow"))
        assert asked.model == "gpt-5.2"

    def test_our_own_table_goes_before_the_library(self) -> None:
        own = known(call("openai", "gpt-5.2", model_reported="gpt-6.2-sol-2026-11-20"))
        assert (own.source, own.model) == ("own table 2026-11-27", "gpt-6.2-sol")
        assert "has no price of tier flex" in why_unknown(
            call("openai", "gpt-6.2-sol", tier="flex")
        )

    @pytest.mark.parametrize(
        ("word", "asked", "listed"),
        [
            ("anthropic", "claude-opus-4-1-20250805", "claude-opus-4-1"),
            ("anthropic", "claude-3-5-haiku-latest", "claude-3-5-haiku-latest"),
            ("anthropic", "claude-opus-5@20260801", "claude-opus-5"),
            ("google", "gemini-2.5-pro-preview-06-05", "gemini-2.5-pro"),
            ("google", "gemini-2.5-flash-lite-preview-09-2025", "gemini-2.5-flash-lite"),
            ("google", "gemini-2.0-flash-001", "gemini-2.0-flash"),
            ("openai", "gpt-6-sol-2026-10-01", "gpt-6-sol"),
            ("openai", "ft:gpt-4o-2024-08-06:acme::x", "ft:gpt-4o"),
        ],
    )
    def test_a_release_of_a_listed_model_costs_what_it_does(
        self, word: str, asked: str, listed: str
    ) -> None:
        assert known(call(word, asked)).model == listed

    @pytest.mark.parametrize(
        ("asked", "says"),
        [
            (call("openai", "gpt-of-nobody"), "neither our table nor genai-prices has it"),
            (call("openai", "whisper-1"), "genai-prices 0.2.3 has no price of its tokens"),
            # What begins like a name on the list is another model.
            (call("google", "gemini-1.5-flash-8b"), "neither our table nor genai-prices has it"),
            (call("google", "gemini-3.8-flash-lite"), "neither our table nor genai-prices has it"),
            (call("anthropic", "claude-opus-4-10"), "neither our table nor genai-prices has it"),
            (call("openai", "gpt-5-nano-vision"), "neither our table nor genai-prices has it"),
            (call("openai", "gpt-5.2", tier="scale"), "no price of tier scale is known"),
            (call("anthropic", "claude-sonnet-5", region="mars"), "no price of region mars"),
            (call("anthropic", "claude-sonnet-5", tier="priority"), "no price of tier priority"),
            (call("compatible", "llava"), "no list of prices holds at models.example"),
            (
                call(
                    "openai",
                    "gpt-5.2",
                    endpoint=endpoint(BY_WORD["openai"], "https://eu.api.openai.com/v1"),
                ),
                "no list of prices holds at eu.api.openai.com",
            ),
            (
                call("openai", "m", endpoint=endpoint(BY_WORD["openai"], "http://127.0.0.1:8/v1")),
                "no list of prices holds at 127.0.0.1:8",
            ),
        ],
    )
    def test_what_nobody_knows_is_named_with_the_key_to_write(
        self, asked: PricedCall, says: str
    ) -> None:
        assert says in why_unknown(asked)
        with pytest.raises(InvalidInput, match=r"price: \{input") as caught:
            known_price(asked)
        assert caught.value.kind is ErrorKind.UNKNOWN_PRICE
        if asked.region is None:
            with pytest.raises(InvalidInput, match=r"price: \{input"):
                ceiling_usd(asked, output_tokens_max=1)

    def test_caches_have_the_price_that_is_stated_for_them(self) -> None:
        price = STATED.model_copy(update={"cached_read": Decimal("0.1"), "cache_write": Decimal(1)})
        prices = known(call("openai", "gpt-5.2", stated=price))
        used = Usage(input=1, output=0, cached_read=10, cache_write=1, cache_write_1h=1)
        # 1 x 0.5 + 10 x 0.1 + 2 x 1 = 3.5 millionths
        assert cost_usd(used, prices) == Decimal("0.0000035")

    def test_unit_prices_are_stored_as_exact_text(self) -> None:
        asked = call("anthropic", "claude-sonnet-5", region="us")
        assert json.loads(canonical_json(known(asked).as_json())) == {
            "model": "claude-sonnet-5",
            "region": "us",
            "source": "genai-prices 0.2.3, own table 2026-11-27",
            "tier": "standard",
            "usd_per_million": {
                "cache_write": "2.75",
                "cache_write_1h": "4.4",
                "cache_write_5m": "2.75",
                "cached_read": "0.22",
                "input": "2.2",
                "output": "11",
            },
        }


class TestWhatACallCanCostAtMost:
    def test_every_token_read_is_taken_at_the_highest_price(self) -> None:
        # In the United States, written for an hour: 1,220 x 4 x 1.1 + 1,000 x 10 x 1.1 = 16,368
        asked = call("anthropic", "claude-sonnet-5")
        assert ceiling_usd(asked, output_tokens_max=1_000) == Decimal("0.016368")

    def test_a_cheaper_tier_may_be_served_as_the_standard_one(self) -> None:
        # 1,220 x 1.75 + 1,000 x 14 = 16,135, and not the half of it
        asked = call("openai", "gpt-5.2", tier="flex")
        assert ceiling_usd(asked, output_tokens_max=1_000) == Decimal("0.016135")

    @pytest.mark.parametrize("word", ["openai", "openai-chat", "anthropic", "google"])
    def test_no_reply_costs_more(self, word: str) -> None:
        documents = {
            "openai": responses(),
            "openai-chat": chat(),
            "anthropic": message(),
            "google": generated(),
        }
        models = {"anthropic": "claude-sonnet-5", "google": "gemini-2.5-pro"}
        used = usage_of(word, documents[word])
        asked = call(word, models.get(word, "gpt-5.2"), input_tokens=used.input_total)
        most = ceiling_usd(asked, output_tokens_max=used.output)
        assert cost_usd(used, known(replace(asked, tier=None))) <= most

    def test_costs_are_exact_beyond_28_digits(self) -> None:
        price = StatedPrice(input=Decimal("999999.1234567891"), output=Decimal("0.0000000001"))
        prices = known(call("compatible", "x", stated=price))
        used = Usage(input=2**53 - 1, output=1)
        expected = (2**53 - 1) * 9_999_991_234_567_891 + 1
        assert Fraction(cost_usd(used, prices)) == Fraction(expected, 10**16)


def test_where_a_call_goes_has_one_key_however_it_is_spoken_to() -> None:
    assert at_home("openai").key == at_home("openai-chat").key == "openai@api.openai.com"
    assert at_home("google").key == "google@generativelanguage.googleapis.com"
    local = endpoint(BY_WORD["compatible"], "http://[::1]:11434/v1")
    assert (local.key, local.is_local) == ("compatible@[::1]:11434", True)
