"""Turns at a provider: never faster than its limits, and none while it asks to wait."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy.orm import Session
from tests.edges.conftest import Connect

from tapetrail.settings import ProviderLimits
from tapetrail.store.flow import Blocked, Turn, block, states, take_turn

pytestmark = pytest.mark.service

NOW: Final = datetime(2026, 11, 27, 15, tzinfo=UTC)
KEY: Final = "openai@api.openai.com"


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def session(connect: Connect) -> Generator[Session]:
    """Give the application's session in a transaction that is rolled back."""
    with connect("tapetrail_app") as app, Session(app) as made:
        yield made


def turns(
    session: Session, limits: ProviderLimits, *, count: int, tokens: int = 0
) -> list[Turn | Blocked]:
    return [take_turn(session, KEY, limits=limits, tokens=tokens, now=NOW) for _ in range(count)]


def test_without_a_rate_every_turn_is_now(session: Session) -> None:
    assert turns(session, ProviderLimits(), count=3, tokens=10**9) == [Turn(at=NOW)] * 3
    (state,) = states(session).values()
    assert (state.provider, state.requests_free_at, state.tokens_free_at) == (KEY, None, None)


def test_who_is_told_to_wait_says_so_without_a_rate_too(session: Session) -> None:
    block(session, KEY, until=after(30), reason="429")
    assert turns(session, ProviderLimits(), count=1) == [Blocked(at=after(30), reason="429")]
    later = take_turn(session, KEY, limits=ProviderLimits(), tokens=0, now=after(30))
    assert later == Turn(at=after(30))


def test_turns_follow_each_other_at_the_step_of_the_rate(session: Session) -> None:
    # 120 a minute: one each half second, whoever asks, and none is lost while nobody asks.
    rate = ProviderLimits(requests_per_minute=120)
    by_rate = "requests_per_minute"
    assert turns(session, rate, count=3) == [
        Turn(at=NOW),
        Turn(at=after(0.5), reason=by_rate),
        Turn(at=after(1), reason=by_rate),
    ]
    later = take_turn(session, KEY, limits=rate, tokens=0, now=after(60))
    assert later == Turn(at=after(60))
    other = take_turn(session, "google@x", limits=rate, tokens=0, now=NOW)
    assert other == Turn(at=NOW)


def test_the_slower_of_two_rates_counts(session: Session) -> None:
    # 60,000 tokens a minute: a call of 5,000 fills 5 seconds.
    rate = ProviderLimits(requests_per_minute=60, tokens_per_minute=60_000)
    assert turns(session, rate, count=2, tokens=5_000) == [
        Turn(at=NOW),
        Turn(at=after(5), reason="tokens_per_minute"),
    ]


def test_a_rate_that_is_no_longer_stated_holds_nobody_up(session: Session) -> None:
    turns(session, ProviderLimits(requests_per_minute=1), count=10)
    assert turns(session, ProviderLimits(), count=1) == [Turn(at=NOW)]


def test_who_is_told_to_wait_says_so_for_all(session: Session) -> None:
    block(session, KEY, until=after(30), reason="HTTP 429: asked to wait 30 s")
    block(session, KEY, until=after(10), reason="HTTP 429: asked to wait 10 s")
    told = Blocked(at=after(30), reason="HTTP 429: asked to wait 30 s")
    rate = ProviderLimits(requests_per_minute=60)
    assert turns(session, rate, count=2) == [told, told]
    assert states(session)[KEY].blocked_for == told.reason
    # Nobody took a turn meanwhile, and the first comes at once.
    freed = take_turn(session, KEY, limits=rate, tokens=0, now=after(30))
    assert freed == Turn(at=after(30))


def test_a_block_of_a_provider_that_was_asked_before_holds(session: Session) -> None:
    turns(session, ProviderLimits(), count=1)
    block(session, KEY, until=after(1), reason="HTTP 503")
    assert turns(session, ProviderLimits(), count=1) == [Blocked(at=after(1), reason="HTTP 503")]
