"""What a call passes on its way out; it holds up nobody while it waits."""

from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NoReturn

import pytest
from sqlalchemy import Engine, event

from tapetrail.analysts.protocol import Demand
from tapetrail.core.analysis.replies import AnswerKey
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.store import budgets
from tapetrail.store.budgets import AttemptKey
from tapetrail.store.private.server import ServerAddress
from tapetrail.store.session import open_engine, transaction
from tapetrail.store.slots import Slots
from tapetrail.workflows.gate import Gate
from tapetrail.workflows.prepare import Ports

pytestmark = pytest.mark.service

NOW: Final = datetime(2026, 11, 27, 15, tzinfo=UTC)
STRATEGY: Final = StrategySpec.model_validate(
    {"name": "waits", "instruments": ["AAPL"], "budget": {"execution_usd": 1}}
)
DEMAND: Final = Demand(
    endpoint="compatible@127.0.0.1:1",
    provider="compatible",
    tokens=1,
    usd_max=Decimal("0.6"),
    timeout_s=60,
)
FIRST: Final = AttemptKey(
    decision=1, answer=AnswerKey(question="chart:1d", analyst="m"), attempt_no=1
)


@pytest.fixture
def engine(database: ServerAddress) -> Generator[Engine]:
    made = open_engine(database.url("tapetrail_app"))
    yield made
    made.dispose()


@pytest.fixture
def slots(database: ServerAddress) -> Generator[Slots]:
    made = Slots(database.url("tapetrail_app"), chance=lambda: 0.5)
    yield made
    made.close()


def nothing(*_: object) -> NoReturn:
    raise AssertionError("a call on its way out needs none of it")


def test_a_call_that_waits_for_money_reads_and_writes_only_once_it_may_fit(
    engine: Engine, slots: Slots
) -> None:
    written: list[str] = []
    pauses: list[int] = []

    def note(_c: object, _u: object, statement: str, *_: Any) -> None:
        if "INSERT" in statement or "UPDATE" in statement:
            written.append(statement)

    def pause(_seconds: float) -> None:
        pauses.append(len(written))
        if len(pauses) == 4:
            with transaction(engine) as session:
                budgets.settle(session, FIRST, Decimal("0.1"))
            written.clear()

    ports = Ports(
        open_source=nothing, open_analyst=nothing, load_calendar=nothing, clock=lambda: NOW
    )
    gate = Gate(engine=engine, slots=slots, ports=ports, pause=pause, is_ending=lambda: False)
    second = replace(FIRST, decision=2)
    with gate.passed(FIRST, DEMAND, spec=STRATEGY, execution_id=7) as held:
        held.is_sent = True
    event.listen(engine, "before_cursor_execute", note)
    with gate.passed(second, DEMAND, spec=STRATEGY, execution_id=7) as held:
        held.is_sent = True
    assert len(pauses) == 4
    # The first to try writes, and those who look again do not.
    assert pauses[0] > 0
    assert set(pauses) == {pauses[0]}
    assert written
