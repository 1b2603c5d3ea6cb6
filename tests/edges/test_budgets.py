"""Budgets are not passed by what calls may cost, whoever dies, and what comes back can be used."""

import itertools
import random
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text
from sqlalchemy.exc import IntegrityError
from tests.edges.conftest import new_database
from tests.edges.waiting import wait_for

from tapetrail.core.analysis.replies import AnswerKey
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.strategy.parts import Budget
from tapetrail.store.budgets import (
    AttemptKey,
    Count,
    MustWait,
    Reservation,
    Reserved,
    counts,
    give_up_lost,
    look,
    release,
    reserve,
    settle,
)
from tapetrail.store.private.server import ServerAddress
from tapetrail.store.scopes import ScopeBudget, budgets_of
from tapetrail.store.session import open_engine, transaction

NOW: Final = datetime(2026, 11, 27, 15, tzinfo=UTC)
CALL_MAX: Final = timedelta(minutes=20)
RESERVED: Final = (
    "budget_reservations (decision, question, analyst, sample_no, attempt_no, scopes,"
    " reserved_usd, cost_usd, status, at, lost_after) VALUES (0, 'q', 'a', 1, 1, '{x}',"
)
LOCKED: Final = text("SELECT 1 FROM tapetrail.budget_counts WHERE scope = :scope FOR UPDATE NOWAIT")
WAITING: Final = text("SELECT 1 FROM pg_locks WHERE :mine = ANY(pg_blocking_pids(pid))")
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def own_database(server: ServerAddress, template: ServerAddress) -> Generator[ServerAddress]:
    """Give a database to the tests of this module; each of them has scopes of its own."""
    with new_database(server, template.database) as made:
        yield made


@pytest.fixture(scope="module")
def engine(own_database: ServerAddress) -> Generator[Engine]:
    """Give the application's connections."""
    made = open_engine(own_database.url("tapetrail_app"), pool_size=20)
    yield made
    made.dispose()


@pytest.fixture
def budgets() -> tuple[ScopeBudget, ...]:
    """Return the budgets of a new execution of a new strategy: 1 USD, and 1.50 a day."""
    number = next(_numbers)
    return budgets_of(
        number,
        strategy=f"s{number}",
        on=date(2026, 11, 27),
        budget=Budget(execution_usd=Decimal(1), day_usd=Decimal("1.5")),
        record_day_usd=None,
    )


def wanted(usd: str | Decimal, *, at: datetime = NOW, attempt_no: int = 1) -> Reservation:
    answer = AnswerKey(question="chart:1d", analyst="openai:gpt-5.2")
    key = AttemptKey(decision=next(_numbers), answer=answer, attempt_no=attempt_no)
    return Reservation(key=key, usd=Decimal(usd), at=at, lost_after=at + CALL_MAX)


def settled(engine: Engine, reservation: Reservation, cost: str | Decimal | None) -> None:
    with transaction(engine) as session:
        settle(session, reservation.key, None if cost is None else Decimal(cost))


def count(engine: Engine, budget: ScopeBudget) -> Count:
    with transaction(engine) as session:
        return counts(session, [budget.scope])[budget.scope]


pytestmark = pytest.mark.service


def test_what_is_reserved_is_held_and_what_was_not_spent_comes_back(
    engine: Engine, budgets: tuple[ScopeBudget, ...]
) -> None:
    first, second = wanted("0.7"), wanted("0.4")
    assert reserve(engine, first, budgets) == Reserved(usd=Decimal("0.7"))
    waits = reserve(engine, second, budgets)
    assert isinstance(waits, MustWait)
    assert waits.reason == (
        f"{budgets[0].scope}: this call can cost 0.4 USD; of 1 USD 0 are spent and 0.7 reserved by"
        " other calls"
    )
    settled(engine, first, "0.25")
    assert reserve(engine, second, budgets) == Reserved(usd=Decimal("0.4"))
    expected = Count(spent_usd=Decimal("0.25"), open_usd=Decimal("0.4"))
    assert [count(engine, each) for each in budgets[:2]] == [expected] * 2


def test_what_can_never_fit_fails_before_it_is_sent(
    engine: Engine, budgets: tuple[ScopeBudget, ...]
) -> None:
    with pytest.raises(InvalidInput, match=r"raise budget\.execution_usd") as caught:
        reserve(engine, wanted("1.01"), budgets)
    assert caught.value.kind is ErrorKind.BUDGET_EXCEEDED
    spent = wanted("0.9")
    reserve(engine, spent, budgets)
    settled(engine, spent, "0.9")
    with pytest.raises(InvalidInput, match=r"of 1 USD 0\.9 are spent"):
        reserve(engine, wanted("0.2"), budgets)
    assert reserve(engine, wanted("0.1"), budgets) == Reserved(usd=Decimal("0.1"))


def test_who_waits_looks_without_a_lock_whether_it_may_fit(
    engine: Engine, budgets: tuple[ScopeBudget, ...]
) -> None:
    held, waits = wanted("0.7"), wanted("0.4")
    reserve(engine, held, budgets)
    found = reserve(engine, waits, budgets)
    with transaction(engine) as session:
        for each in budgets:
            session.execute(LOCKED, {"scope": each.scope})
        assert look(engine, waits, budgets) == found
        assert look(engine, replace(waits, usd=Decimal("0.3")), budgets) is None
        assert look(engine, replace(held, usd=Decimal(1)), budgets) is None
        with pytest.raises(InvalidInput, match=r"raise budget\.execution_usd"):
            look(engine, replace(waits, usd=Decimal(2)), budgets)
    late = replace(waits, at=held.lost_after + timedelta(seconds=1), lost_after=NOW + 2 * CALL_MAX)
    assert isinstance(look(engine, late, budgets), MustWait)
    with pytest.raises(InvalidInput, match=r"0\.7 are spent"):
        look(engine, late, budgets)
    settled(engine, held, "0.2")
    assert look(engine, waits, budgets) is None


def test_a_strategys_day_counts_over_its_executions_and_the_records_over_all(
    engine: Engine, budgets: tuple[ScopeBudget, ...]
) -> None:
    _, day, record = budgets
    other = (replace(budgets[0], scope=f"{budgets[0].scope} again"), day, record)
    for each in (budgets, other):
        spent = wanted("0.75")
        reserve(engine, spent, each)
        settled(engine, spent, "0.75")
    with pytest.raises(InvalidInput, match=r"strategy s\d+ on 2026-11-27.* raise budget.day_usd"):
        reserve(engine, wanted("0.01"), other)
    limited = replace(record, scope=f"{record.scope} {day.scope}", limit_usd=Decimal(0))
    with pytest.raises(InvalidInput, match=r"raise budget_day_usd \(settings\)"):
        reserve(engine, wanted("0.01"), [limited])
    assert reserve(engine, wanted("0"), [limited]) == Reserved(usd=Decimal(0))


def test_a_lost_call_stays_at_its_reserve_until_somebody_knows_better(
    engine: Engine, budgets: tuple[ScopeBudget, ...]
) -> None:
    lost = wanted("0.6")
    reserve(engine, lost, budgets)
    settled(engine, lost, None)
    settled(engine, lost, None)
    assert count(engine, budgets[0]) == Count(spent_usd=Decimal("0.6"))
    with pytest.raises(InvalidInput, match=r"0\.6 are spent"):
        reserve(engine, wanted("0.5"), budgets)
    settled(engine, lost, "0.1")
    settled(engine, lost, "0.9")
    assert count(engine, budgets[0]) == Count(spent_usd=Decimal("0.1"))


def test_what_a_dead_process_reserved_is_spent_once_no_call_can_take_so_long(
    engine: Engine, budgets: tuple[ScopeBudget, ...]
) -> None:
    dead = wanted("0.6")
    reserve(engine, dead, budgets)
    waits = wanted("0.5")
    assert isinstance(reserve(engine, waits, budgets), MustWait)
    late = replace(waits, at=dead.lost_after + timedelta(seconds=1), lost_after=NOW + 2 * CALL_MAX)
    # The first to wait after that finds out, and whoever asks again is refused.
    assert isinstance(reserve(engine, late, budgets), MustWait)
    with pytest.raises(InvalidInput, match=r"0\.6 are spent"):
        reserve(engine, late, budgets)
    settled(engine, dead, "0.2")
    assert reserve(engine, late, budgets) == Reserved(usd=Decimal("0.5"))


def test_the_next_attempt_at_an_answer_shows_that_the_one_before_it_is_lost(
    engine: Engine, budgets: tuple[ScopeBudget, ...]
) -> None:
    dead = wanted("0.6")
    reserve(engine, dead, budgets)
    again = replace(dead, key=replace(dead.key, attempt_no=2), usd=Decimal("0.5"))
    other = wanted("0.5")
    assert isinstance(reserve(engine, other, budgets), MustWait)
    # It cannot come back, so that nobody waits for it, not even where the next one does not fit.
    for each in (again, other):
        with pytest.raises(InvalidInput, match=r"0\.6 are spent"):
            reserve(engine, each, budgets)
    assert count(engine, budgets[0]) == Count(spent_usd=Decimal("0.6"))
    # It came back all the same, as of a process that was only frozen.
    settled(engine, dead, "0.2")
    assert reserve(engine, again, budgets) == Reserved(usd=Decimal("0.5"))
    assert count(engine, budgets[0]) == Count(spent_usd=Decimal("0.2"), open_usd=Decimal("0.5"))


def test_who_goes_on_for_a_dead_process_takes_over_what_it_reserved(
    engine: Engine, budgets: tuple[ScopeBudget, ...]
) -> None:
    first = wanted("0.6")
    reserve(engine, first, budgets)
    tomorrow = (*budgets[:1], replace(budgets[1], scope=f"{budgets[1].scope} tomorrow"))
    assert reserve(engine, replace(first, usd=Decimal("0.7")), tomorrow) == Reserved(
        usd=Decimal("0.7")
    )
    assert count(engine, budgets[0]) == Count(open_usd=Decimal("0.7"))
    assert count(engine, budgets[1]) == Count()
    assert count(engine, tomorrow[1]) == Count(open_usd=Decimal("0.7"))
    # What does not fit leaves what is held as it is.
    with pytest.raises(InvalidInput):
        reserve(engine, replace(first, usd=Decimal(2)), tomorrow)
    give_up_lost(engine, now=NOW + 2 * CALL_MAX)
    assert count(engine, budgets[0]) == Count(spent_usd=Decimal("0.7"))
    reserve(engine, first, budgets)
    assert count(engine, budgets[0]) == Count(open_usd=Decimal("0.6"))
    settled(engine, first, "0.3")
    reserve(engine, first, budgets)
    assert count(engine, budgets[0]) == Count(spent_usd=Decimal("0.3"))


def test_an_attempt_that_moves_to_another_day_locks_old_and_new_budgets_in_one_order(
    engine: Engine, budgets: tuple[ScopeBudget, ...]
) -> None:
    moved = wanted("0.1")
    reserve(engine, moved, budgets)
    tomorrow = (*budgets[:1], *(replace(each, scope=f"{each.scope} +1") for each in budgets[1:]))
    reserve(engine, wanted("0.1"), tomorrow)
    # Of these two the old one comes first, and whoever holds it may want the new one next.
    old, new = budgets[2].scope, tomorrow[2].scope
    with ThreadPoolExecutor(1) as pool, transaction(engine) as session:
        mine = session.scalar(text("SELECT pg_backend_pid()"))
        session.execute(LOCKED, {"scope": old})
        ended = pool.submit(reserve, engine, moved, tomorrow)
        wait_for(lambda: session.scalar(WAITING, {"mine": mine}))
        session.execute(LOCKED, {"scope": new})
        session.commit()
        assert isinstance(ended.result(), Reserved)
    assert count(engine, budgets[1]) == Count()


def test_of_two_that_reserve_for_one_attempt_the_second_takes_over(
    engine: Engine, budgets: tuple[ScopeBudget, ...]
) -> None:
    same = wanted("0.6")
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(partial(reserve, engine), [same] * 16, [budgets] * 16)]
    assert found == [Reserved(usd=Decimal("0.6"))] * 16
    assert count(engine, budgets[0]) == Count(open_usd=Decimal("0.6"))


def test_nothing_settles_that_was_not_reserved(engine: Engine) -> None:
    with pytest.raises(NotFound, match="nothing is reserved for"):
        settled(engine, wanted("1"), "0.5")


@pytest.mark.parametrize("usd", ["-0.1", "NaN", "Infinity"])
def test_a_reservation_of_no_amount_is_refused(usd: str) -> None:
    with pytest.raises(InvalidInput, match="not one"):
        wanted(usd)
    with pytest.raises(InvalidInput, match="not one"):
        replace(wanted("1"), lost_after=NOW)


def test_an_execution_of_no_strategy_counts_for_itself_and_the_record() -> None:
    found = budgets_of(
        7,
        strategy=None,
        on=date(2026, 11, 27),
        budget=Budget(),
        record_day_usd=Decimal(5),
    )
    assert [(each.scope, each.limit_usd) for each in found] == [
        ("execution 7", 1),
        ("record on 2026-11-27", 5),
    ]


@pytest.mark.parametrize(
    ("row", "check"),
    [
        ("budget_counts (scope, open_usd) VALUES ('x', -0.1)", "not_negative"),
        ("budget_counts (scope, spent_usd) VALUES ('x', -0.1)", "not_negative"),
        (f"{RESERVED} -1, NULL, 'open', now(), now())", "not_negative"),
        (f"{RESERVED} 1, -1, 'settled', now(), now())", "not_negative"),
        (f"{RESERVED} 1, NULL, 'gone', now(), now())", "status_known"),
        (f"{RESERVED} 1, NULL, 'settled', now(), now())", "cost_when_settled"),
        (f"{RESERVED} 1, 1, 'open', now(), now())", "cost_when_settled"),
        ("provider_flow (provider, blocked_until) VALUES ('x', now())", "blocked_for"),
        ("provider_flow (provider, blocked_for) VALUES ('x', 'why')", "blocked_for"),
    ],
)
def test_a_row_that_cannot_be_is_refused(engine: Engine, row: str, check: str) -> None:
    with engine.connect() as connection, pytest.raises(IntegrityError, match=f"_{check}"):
        connection.execute(text(f"INSERT INTO tapetrail.{row}"))


class Calls:
    """Fifty callers at once, who pay less than they reserve, die, or never learn what they paid."""

    def __init__(self, engine: Engine, budgets: tuple[ScopeBudget, ...], seed: int) -> None:
        self.engine = engine
        self.budgets = budgets
        self.seed = seed
        self.refused = 0
        self.made = 0
        self._now = NOW
        self._lock = threading.Lock()

    def run(self) -> None:
        with ThreadPoolExecutor(50) as pool:
            for ended in [pool.submit(self._caller, number) for number in range(50)]:
                ended.result()

    def _caller(self, number: int) -> None:
        chance = random.Random(f"{self.seed} {number}")  # noqa: S311 # no secret
        for _ in range(2):
            call = wanted(Decimal(chance.randint(1, 300)) / 1000)
            if not self._is_reserved(call):
                continue
            fate = chance.random()
            if fate < 0.1:
                continue  # it dies, and nobody settles
            cost = None if fate < 0.2 else call.usd * chance.randint(0, 100) / 100
            settled(self.engine, call, cost)

    def _is_reserved(self, call: Reservation) -> bool:
        while True:
            now = self._later(timedelta())
            try:
                call = replace(call, at=now, lost_after=now + CALL_MAX)
                found = reserve(self.engine, call, self.budgets)
            except InvalidInput as error:
                with self._lock:
                    self.refused += error.kind is ErrorKind.BUDGET_EXCEEDED
                return False
            if isinstance(found, Reserved):
                with self._lock:
                    self.made += 1
                return True
            self._later(timedelta(seconds=20))

    def _later(self, by: timedelta) -> datetime:
        with self._lock:
            self._now += by
            return self._now


@pytest.mark.parametrize("runs", [5, pytest.param(200, marks=pytest.mark.torture)])
def test_a_budget_is_never_passed_by_fifty_calls_at_once(
    engine: Engine, own_database: ServerAddress, runs: int
) -> None:
    owner = create_engine(own_database.url("postgres"), poolclass=NullPool)
    with owner.begin() as connection:
        # The database itself looks at each moment between two calls.
        connection.execute(
            text(
                "ALTER TABLE tapetrail.budget_counts ADD CONSTRAINT never_passed CHECK"
                " (scope NOT LIKE 'execution 9%' OR spent_usd + open_usd <= 1)"
            )
        )
    for seed in range(runs):
        on = date(2026, 11, 27)
        limits = budgets_of(
            900_000 + seed, strategy="many", on=on, budget=Budget(), record_day_usd=None
        )[:1]
        calls = Calls(engine, limits, seed)
        calls.run()
        assert calls.made + calls.refused == 100
        assert calls.made >= 5
        give_up_lost(engine, now=NOW + timedelta(days=9))
        ended = count(engine, limits[0])
        assert ended.open_usd == 0
        assert 0 < ended.spent_usd <= 1
        with owner.begin() as connection:
            listed = connection.scalar(
                text(
                    "SELECT sum(coalesce(cost_usd, reserved_usd))"
                    " FROM tapetrail.budget_reservations WHERE :scope = ANY(scopes)"
                ),
                {"scope": limits[0].scope},
            )
        assert listed == ended.spent_usd
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE tapetrail.budget_counts DROP CONSTRAINT never_passed"))


def test_money_for_a_call_that_is_not_made_is_let_go_of_and_can_be_reserved_anew(
    engine: Engine, budgets: tuple[ScopeBudget, ...]
) -> None:
    first = wanted("0.75")
    assert reserve(engine, first, budgets) == Reserved(usd=Decimal("0.75"))
    with transaction(engine) as session:
        release(session, first.key, at=NOW + timedelta(seconds=1))  # of who took it over
    assert count(engine, budgets[0]).open_usd == Decimal("0.75")
    for _ in range(2):
        with transaction(engine) as session:
            release(session, first.key, at=first.at)
        assert count(engine, budgets[0]) == Count()
    assert isinstance(reserve(engine, wanted("0.5"), budgets), Reserved)
    assert isinstance(reserve(engine, first, budgets), MustWait)
