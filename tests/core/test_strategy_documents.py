"""The completed form of a strategy: what is stored, read back as the same, under one digest."""

import hashlib
import json
from pathlib import Path
from typing import Final

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.strategy.signal_settings import SellMeaning
from tapetrail.core.strategy.strategies import parse_strategy, spec_digest, spec_document

VECTOR: Final = Path(__file__).parent.parent / "vectors" / "strategy_digest.json"
RATIOS: Final = st.decimals(min_value="0.0000000001", max_value=100, places=10)
USD: Final = st.decimals(min_value=0, max_value=1_000_000, places=2)
PERIODS: Final = st.integers(min_value=2, max_value=1000)
NAMES: Final = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
WORDS: Final = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
TIMEFRAMES: Final = st.sampled_from(["1d", "1w", "1mo"])
LEFT_OUT: Final = st.sampled_from([False, None])


def mapping(**keys: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    """Mappings that have some of these keys."""
    return st.fixed_dictionaries({}, optional=keys)


LEAST: Final[st.SearchStrategy[dict[str, object]]] = st.fixed_dictionaries(
    {"name": NAMES, "instruments": st.lists(WORDS, min_size=1, max_size=4, unique=True)}
)


def asked(word: str, how: dict[str, object]) -> object:
    return {"analyst": word, "as": f"own:{word}", **how} if how else word


def called(analyst: object) -> str:
    """The name that answers are kept under."""
    return str(analyst["as"]) if isinstance(analyst, dict) else str(analyst)  # pyright: ignore[reportUnknownArgumentType] # made above


ASKED: Final[st.SearchStrategy[object]] = st.builds(
    asked,
    WORDS,
    mapping(
        params=mapping(temperature=st.decimals(0, 2, places=2), max_output_tokens=PERIODS),
        price=st.fixed_dictionaries({"input": USD, "output": USD}),
        tier=st.sampled_from(["standard", "flex"]),
        images=st.booleans(),
        schema=st.booleans(),
    ),
)
ANSWERING: Final[st.SearchStrategy[object]] = st.one_of(
    ASKED,
    st.lists(ASKED, min_size=1, max_size=3, unique_by=called),
    st.fixed_dictionaries({"chart": WORDS.map(lambda word: f"c:{word}"), "consolidated": ASKED}),
)
MORE: Final = mapping(
    version=st.integers(min_value=1, max_value=1_000_000),
    source=WORDS,
    timeframes=st.lists(TIMEFRAMES, min_size=1, max_size=3, unique=True),
    bars=st.dictionaries(TIMEFRAMES, PERIODS),
    indicators=mapping(
        SMA=st.lists(PERIODS, max_size=10, unique=True) | LEFT_OUT,
        Bollinger=st.tuples(PERIODS, RATIOS) | LEFT_OUT,
        SuperTrend=st.tuples(PERIODS, RATIOS) | LEFT_OUT,
        RSI=PERIODS | LEFT_OUT,
        MACD=st.tuples(st.integers(2, 50), st.integers(51, 99), PERIODS) | LEFT_OUT,
        OBV=st.booleans() | LEFT_OUT,
        ATR=PERIODS | LEFT_OUT,
    ),
    analyst=ANSWERING,
    shadows=st.lists(WORDS.map(lambda word: f"shadow:{word}"), max_size=2, unique=True),
    samples=st.integers(1, 20),
    prompt=mapping(chart=NAMES, consolidated=NAMES),
    signal=mapping(
        sell_means=st.sampled_from(SellMeaning).map(str),
        horizon_sessions=st.integers(1, 260),
        min_reward_risk=RATIOS,
        stop_atr=RATIOS,
    ),
    require_all_charts=st.booleans(),
    benchmark=WORDS | st.none(),
    budget=mapping(execution_usd=USD, day_usd=USD),
)
CONTENTS: Final = st.tuples(LEAST, MORE).map(lambda both: both[0] | both[1])


def jsonb(document: object) -> object:
    """The document as PostgreSQL hands it back: the same values, keys by length, then bytes."""

    def by_length(pairs: list[tuple[str, object]]) -> dict[str, object]:
        return dict(sorted(pairs, key=lambda pair: (len(pair[0]), pair[0].encode())))

    return json.loads(json.dumps(document), object_pairs_hook=by_length)


@given(CONTENTS)
def test_what_is_stored_reads_back_as_the_same_specification(content: dict[str, object]) -> None:
    spec = parse_strategy(content, place="mine.yaml")
    stored = jsonb(spec_document(spec))
    again = parse_strategy(stored, place="the record")
    # The version is a column of its own, so that equal specifications have equal documents.
    assert again == spec.model_copy(update={"version": None})
    assert spec_document(again) == stored
    assert spec_digest(again) == spec_digest(spec)


@given(CONTENTS)
def test_the_digest_is_that_of_the_rfc_8785_form_of_the_stored_document(
    content: dict[str, object],
) -> None:
    spec = parse_strategy(content, place="mine.yaml")
    canonical = rfc8785.dumps(jsonb(spec_document(spec)))  # pyright: ignore[reportArgumentType] # JSON
    assert spec_digest(spec) == f"sha256:{hashlib.sha256(canonical).hexdigest()}"


def leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # JSON
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # JSON
    return [value]


@given(CONTENTS)
def test_the_stored_document_holds_no_floats_and_nothing_but_json(
    content: dict[str, object],
) -> None:
    document = spec_document(parse_strategy(content, place="mine.yaml"))
    assert {type(leaf) for leaf in leaves(document)} <= {str, int, bool, type(None)}


@given(CONTENTS, st.integers(min_value=1, max_value=9))
def test_a_version_changes_no_digest_and_everything_else_does(
    content: dict[str, object], version: int
) -> None:
    spec = parse_strategy(content, place="x")
    numbered = spec.model_copy(update={"version": version})
    renamed = spec.model_copy(update={"name": f"{spec.name}2"})
    assert spec_digest(numbered) == spec_digest(spec)
    assert spec_digest(renamed) != spec_digest(spec)


def test_the_frozen_specification_keeps_its_digest() -> None:
    vector = json.loads(VECTOR.read_text(encoding="utf-8"))
    spec = parse_strategy(vector["document"], place="the vector")
    assert spec_document(spec) == vector["document"]
    assert rfc8785.dumps(vector["document"]).decode() == vector["canonical"]
    assert spec_digest(spec) == vector["digest"]
    for name, changed in vector["tampered"].items():
        tampered = parse_strategy(vector["document"] | changed, place=name)
        assert spec_digest(tampered) != vector["digest"], name
