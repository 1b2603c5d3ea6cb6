"""A version of a prompt is one row with one body, however often it is named."""

from collections.abc import Generator

import pytest
from sqlalchemy.orm import Session
from tests.edges.rows import Rows, driver

from tapetrail.core.analysis.prompts import PromptTemplate
from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.prompt_files import shipped_prompt
from tapetrail.store import appends, prompts

pytestmark = pytest.mark.service

BODY = "{% block system %}s{% endblock %}{% block question %}q{% endblock %}"
OTHER = BODY.replace("}q{", "}Q{")


@pytest.fixture
def session(running: Rows) -> Generator[Session]:
    with Session(running.connection) as made:
        yield made


def named(chart: str) -> StrategySpec:
    return StrategySpec.model_validate(
        {"name": "one", "instruments": ["AAPL"], "prompt": {"chart": chart}}
    )


def test_the_same_body_is_one_row_and_another_one_is_refused(session: Session) -> None:
    first = PromptTemplate(name="mine", version=1, body=BODY)
    stored = appends.append_template(session, first)
    assert appends.append_template(session, first) == stored
    other = PromptTemplate(name="mine", version=1, body=OTHER)
    with pytest.raises(InvalidInput, match="name mine, version 1 is already recorded with other"):
        appends.append_template(session, other)
    renamed = PromptTemplate(name="yours", version=1, body=BODY)
    assert appends.append_template(session, renamed).id != stored.id


def test_a_new_body_is_the_next_version_and_a_known_one_stays_what_it_is(session: Session) -> None:
    one, first, is_new = appends.append_next_template(session, "mine", BODY)
    two, second, _ = appends.append_next_template(session, "mine", OTHER)
    assert (first.version, second.version, is_new) == (1, 2, True)
    again, same, is_new_again = appends.append_next_template(session, "mine", BODY)
    assert (again, same, is_new_again) == (one, first, False)
    assert one.id != two.id


def test_the_prompts_of_a_strategy_have_rows_once_they_are_asked_for(
    session: Session, running: Rows
) -> None:
    appends.append_next_template(session, "mine", BODY)
    found = prompts.templates_of(session, named("mine-v1"))
    assert found["chart"][1].body == BODY
    assert found["consolidated"][1] == shipped_prompt("consolidated-v1")
    assert prompts.templates_of(session, named("mine-v1")) == found
    running.add("market_snapshots")
    running.add("charts")
    running.add("llm_analyses", prompt_template_id=found["chart"][0].id)
    counted = {(row.name, row.version): row.analyses for row in prompts.recorded(driver(running))}
    assert counted[("mine", 1)] == 1
    assert counted[("consolidated", 1)] == 0
    with pytest.raises(NotFound, match="prompt mine-v2: none is shipped or recorded"):
        prompts.templates_of(session, named("mine-v2"))
