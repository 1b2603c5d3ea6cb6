"""A prompt is found by the word that strategies name it by, and tried before it is recorded."""

from collections.abc import Mapping, Sequence
from typing import cast

import pytest
from tests.core.test_prompts import READING, about_all, chart

from tapetrail.core.analysis.prompt_context import Shown, prompt_context
from tapetrail.core.analysis.prompt_example import EXAMPLE, check_renders
from tapetrail.core.analysis.prompts import PromptTemplate
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import DAILY
from tapetrail.prompt_files import named_by, prompt_named, shipped_prompts, word_of

BODY = "{% block system %}s{% endblock %}{% block question %}q{% endblock %}"


def made(system: str = "s", question: str = "q") -> PromptTemplate:
    body = f"{{% block system %}}{system}{{% endblock %}}{{% block question %}}{question}"
    return PromptTemplate(name="own", version=1, body=body + "{% endblock %}")


def test_a_recorded_prompt_is_found_beside_those_that_come_along() -> None:
    found = prompt_named("mine-v2-v3", {"mine-v2-v3": BODY})
    assert (found.name, found.version, found.body) == ("mine-v2", 3, BODY)
    ours = prompt_named("chart-v1", {"mine-v1": BODY})
    assert ours in shipped_prompts()
    assert prompt_named("chart-v1", {"chart-v1": ours.body}) == ours


def test_an_unknown_prompt_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(NotFound, match="there are chart-v1, consolidated-v1, mine-v1") as caught:
        prompt_named("mine-v2", {"mine-v1": BODY})
    assert caught.value.kind is ErrorKind.BAD_PROMPT


def test_other_words_under_the_name_of_one_that_comes_along_are_refused() -> None:
    with pytest.raises(InvalidInput, match="recorded with other words") as caught:
        prompt_named("chart-v1", {"chart-v1": BODY})
    assert caught.value.kind is ErrorKind.BAD_PROMPT


@pytest.mark.parametrize("word", ["chart", "chart-v", "chart-v0", "chart-v01", "-v1", "chart-v1 "])
def test_a_word_without_a_version_names_no_prompt(word: str) -> None:
    assert named_by(word) is None
    with pytest.raises(NotFound):
        prompt_named(word, {word: BODY})


def test_a_name_and_a_version_are_one_word_and_back() -> None:
    assert named_by(word_of("a-v1", 12)) == ("a-v1", 12)


def test_the_example_holds_what_prompts_see_and_no_more() -> None:
    recent = prompt_context(
        about_all(chart(), analyses={DAILY: READING}), Shown(image=False), schema={}
    )
    drawn = prompt_context(about_all(chart(), analyses={DAILY: READING}), Shown(), schema={})
    lists = {".missing_charts[]", ".charts[].breaks[]", ".charts[].analyses[].resistances[]",
             ".charts[].notes[]"}  # fmt: skip
    assert shape(EXAMPLE) - lists == (shape(drawn) | shape(recent)) - lists


def shape(value: object, place: str = "") -> set[str]:
    """The names in a context, each with where it stands."""
    if isinstance(value, Mapping):
        named = cast("Mapping[str, object]", value).items()
        return {place}.union(*(shape(item, f"{place}.{name}") for name, item in named))
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = cast("Sequence[object]", value)
        return {place}.union(*(shape(item, f"{place}[]") for item in items))
    return {place}


@pytest.mark.parametrize("template", shipped_prompts(), ids=lambda each: each.name)
def test_what_comes_along_renders_on_the_example(template: PromptTemplate) -> None:
    check_renders(template)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (made(question="{{ instrument.name }}"), "has no attribute 'name'"),
        (made(question="{{ charts[0].panels[1].what }}"), "has no attribute 'what'"),
        (made(system="{% if schema is none %}x{% endif %}"), "the block system says nothing"),
        (made(question="{# later #}"), "the block question says nothing"),
    ],
)
def test_what_cannot_be_rendered_or_says_nothing_is_refused(
    template: PromptTemplate, message: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_renders(template)
    assert message in caught.value.message
    assert caught.value.kind is ErrorKind.BAD_PROMPT
