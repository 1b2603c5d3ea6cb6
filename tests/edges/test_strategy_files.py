"""Strategy files as people write them: read narrowly, refused clearly, documented in full."""

import json
import os
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import psycopg
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.analysts.models.families import FAMILIES
from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.core.strategy.analysts import AnalystSpec
from tapetrail.core.strategy.strategies import (
    StrategySpec,
    parse_strategy,
    spec_digest,
    spec_document,
)
from tapetrail.sources.registry import source_rules
from tapetrail.store.private.server import ServerAddress
from tapetrail.strategy_files import (
    SIZE_MAX,
    bundled_strategy,
    parse_strategy_text,
    read_strategy,
)

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "strategy-files.md"
VECTOR: Final = ROOT / "tests" / "vectors" / "strategy_digest.json"
LEAST: Final = "name: mine\ninstruments: [AAPL]\n"


def parsed(text: str) -> StrategySpec:
    return parse_strategy_text(text, place="mine.yaml")


def refusal(text: str) -> str:
    with pytest.raises(InvalidInput) as failure:
        parsed(text)
    place, _, said = failure.value.message.partition(": ")
    assert place == "mine.yaml"
    return said


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


# Files


def test_the_name_of_questions_is_refused_and_what_is_recorded_under_it_is_read() -> None:
    said = "name: ask is kept for questions, tapetrail ask; expected another name"
    assert refusal("name: ask\ninstruments: [AAPL]\n") == said
    recorded = {"name": "ask", "instruments": ["AAPL"]}
    with pytest.raises(InvalidInput, match="name: ask is kept for questions"):
        parse_strategy(recorded, place="a mapping", sources=source_rules())
    assert parse_strategy(recorded, place="strategy of decision 1").name == "ask"
    assert parsed("name: ask-twice\ninstruments: [AAPL]\n").name == "ask-twice"


def test_a_file_is_read_with_or_without_a_byte_order_mark(file: Path) -> None:
    for mark in (b"", b"\xef\xbb\xbf"):
        file.write_bytes(mark + LEAST.replace("\n", "\r\n").encode())
        assert read_strategy(file) == parsed(LEAST)


def test_no_file_is_not_found(file: Path) -> None:
    with pytest.raises(NotFound, match=r"no strategy file '.*mine\.yaml'"):
        read_strategy(file)


def test_a_folder_and_a_device_are_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, Path("/dev/zero")):
        with pytest.raises(InvalidInput, match="a folder or device, not a file"):
            read_strategy(path)


def test_a_path_the_system_refuses_is_refused_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read; File name too long"):
        read_strategy(tmp_path / ("x" * 300))


def test_a_file_larger_than_any_strategy_is_refused_unread(file: Path) -> None:
    with file.open("wb") as content:
        content.truncate(10**12)
    with pytest.raises(InvalidInput, match=f"larger than {SIZE_MAX} bytes"):
        read_strategy(file)


def test_a_file_that_is_not_utf_8_is_refused_with_the_place(file: Path) -> None:
    file.write_bytes(b"name: m\xfcnchen\n")
    with pytest.raises(InvalidInput, match="not UTF-8 at byte 7"):
        read_strategy(file)


def test_slips_name_the_file(file: Path) -> None:
    file.write_text("name: mine\ninstrumnets: [AAPL]\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"mine\.yaml: .*'instrumnets', did you mean 'instrumen"):
        read_strategy(file)


# YAML


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n", "---\n", "null"])
def test_an_empty_file_is_refused(text: str) -> None:
    assert refusal(text) == "expected a mapping of keys, found nothing"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a\nname: b\n", "line 2, column 1: the key 'name' stands here a second time"),
        (
            LEAST + "signal: {stop_atr: 1, stop_atr: 2}\n",
            "line 3, column 23: the key 'stop_atr' stands here a second time",
        ),
        (
            LEAST + "indicators:\n  RSI: 14\n  'RSI': 21\n",
            "line 5, column 3: the key 'RSI' stands here a second time",
        ),
        (
            "name: a\ninstruments:\n- {symbol: A, symbol: B}\n",
            "line 3, column 15: the key 'symbol' stands here a second time",
        ),
        (LEAST + "? [a]\n: b\n", "line 3, column 3: a key is one word, not a list or a mapping"),
        ("a: &x 1\n", "line 1, column 4: anchors (&name) and aliases (*name) are not read here"),
        ("a: *x\n", "line 1, column 4: anchors (&name) and aliases (*name) are not read here"),
        ("a: !!int 1\n", "line 1, column 4: tags such as !!int are not read here"),
        ("!!python/object:os.system {}\n", "line 1, column 1: tags such as !!int are not read"),
        ("a: !x [1]\n", "line 1, column 4: tags such as !!int are not read here"),
        ("name: [AAPL\n", "line 2, column 1: while parsing a flow sequence, expected ',' or ']'"),
        ("a: b: c", "line 1, column 5: mapping values are not allowed here"),
        ("name: mine\n---\nname: yours\n", "line 2, column 1: expected a single document"),
        ("name: a\x00b\n", "unacceptable character #x0000"),
        (LEAST + "<<: {source: sample}\n", "unknown key '<<'; known: analyst, "),
    ],
)
def test_yaml_that_no_strategy_needs_is_refused_with_its_place(text: str, said: str) -> None:
    assert refusal(text).startswith(said)


def test_aliases_cannot_make_a_small_file_huge() -> None:
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    assert "anchors (&name)" in refusal("a0: &a0 [x]\n" + levels)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "{? "])
def test_deep_nesting_is_refused(opening: str) -> None:
    assert "nested deeper than 10 levels" in refusal(opening * 20_000)


@pytest.mark.parametrize(
    "word", ["ON", "on", "NO", "No", "yes", "TRUE", "false", "7203", "null", "~"]
)
def test_a_symbol_that_needs_quotes_is_refused_without_them_and_taken_with_them(word: str) -> None:
    said = refusal(f"name: mine\ninstruments: [{word}]\n")
    assert said.startswith(
        "instruments.0.symbol: expected a symbol: text without spaces, in quotes"
    )
    quoted = parsed(f'name: mine\ninstruments: ["{word}"]\n')
    assert quoted.instruments[0].symbol == word


@pytest.mark.parametrize("word", ["AAPL", "BRK.B", "^GSPC", "N", "y", "0700", "1e5", "2012-11-30"])
def test_other_symbols_need_no_quotes(word: str) -> None:
    assert parsed(f"name: mine\ninstruments: [{word}]\n").instruments[0].symbol == word


@pytest.mark.parametrize(
    "number", ["014", "0x1F", "0b1", "1_000", "1:30", "1e1", "'14'", "1" * 9000]
)
def test_a_whole_number_is_written_in_plain_digits(number: str) -> None:
    assert "indicators.RSI: expected a whole number of bars" in refusal(
        f"{LEAST}indicators: {{RSI: {number}}}\n"
    )


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf", "nan", "1e1", "1_0.5", "0x2", "1.2.3"])
def test_a_ratio_is_written_in_plain_digits(number: str) -> None:
    assert "signal.stop_atr: expected a number above 0" in refusal(
        f"{LEAST}signal: {{stop_atr: {number}}}\n"
    )


@pytest.mark.parametrize("number", ["2", "2.0", "2.", "+2", "02.0", "'2'", '"2.000"'])
def test_one_number_has_one_digest_however_it_is_written(number: str) -> None:
    spec = parsed(f"{LEAST}signal: {{stop_atr: {number}}}\n")
    assert spec_digest(spec) == spec_digest(parsed(LEAST))


def test_a_number_is_as_exact_as_it_is_written() -> None:
    spec = parsed(f"{LEAST}signal: {{min_reward_risk: 1.0000000001, stop_atr: .5}}\n")
    assert spec.signal.min_reward_risk == Decimal("1.0000000001")
    assert spec.signal.stop_atr == Decimal("0.5")


@pytest.mark.parametrize("word", ["false", "no", "off", "null", "~", ""])
def test_an_indicator_is_left_out_by_false_and_by_nothing(word: str) -> None:
    spec = parsed(f"{LEAST}indicators:\n  RSI: {word}\n  OBV: {word}\n  SMA: {word}\n")
    settings = spec.indicators.settings()
    assert (settings.rsi, settings.obv, settings.sma) == (None, False, ())


def test_a_version_in_quotes_is_refused() -> None:
    assert parsed(f"{LEAST}version: 2\n").version == 2
    for version in ("'2'", "1.0.0", "v2"):
        assert refusal(f"{LEAST}version: {version}\n").startswith("version: expected a whole num")


def test_the_order_of_keys_changes_nothing() -> None:
    turned = "instruments: [AAPL]\nname: mine\nsignal: {stop_atr: 2, horizon_sessions: 20}\n"
    assert parsed(turned) == parsed(LEAST)


@given(st.text() | st.text(alphabet="na me:[]{},-\n'\"&*!?#|>%@1."))
def test_no_text_is_more_than_refused(text: str) -> None:
    assert refusal(text)


# The bundled strategy


def test_the_bundled_strategy_keeps_its_digest() -> None:
    vector = json.loads(VECTOR.read_text(encoding="utf-8"))
    assert spec_document(bundled_strategy()) == vector["document"]
    assert spec_digest(bundled_strategy()) == vector["digest"]


@pytest.mark.service
def test_a_specification_comes_back_from_postgresql_as_it_went(server: ServerAddress) -> None:
    spec = parsed(f"{LEAST}indicators: {{RSI: false}}\nsignal: {{min_reward_risk: 1.10}}\n")
    with psycopg.connect(server.url("postgres").replace("+psycopg", "")) as connection:
        sent = json.dumps(spec_document(spec))
        row = connection.execute("SELECT %s::jsonb", [sent]).fetchone()
    assert row is not None
    again = parse_strategy(row[0], place="the record")
    assert list(row[0]) != list(spec_document(spec))
    assert (again, spec_digest(again)) == (spec, spec_digest(spec))


# The page


def leaves(document: object, *, under: str = "") -> Iterator[tuple[str, object]]:
    """Every key of a document by its path; the first instrument stands for all of them."""
    if under == "instruments" and isinstance(document, list):
        yield under, None
        yield from leaves(document[0], under=under)  # pyright: ignore[reportUnknownArgumentType] # JSON
    elif isinstance(document, dict):
        for name, value in document.items():  # pyright: ignore[reportUnknownVariableType] # JSON
            yield from leaves(value, under=f"{under}.{name}".lstrip("."))  # pyright: ignore[reportUnknownArgumentType] # JSON
    else:
        yield under, document


def documented() -> dict[str, str]:
    """The default that the page states for each key, as YAML text."""
    rows = re.findall(
        r"^\| `([^`]+)` \| [^|]+ \| ([^|]+) \|", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) == len(dict(rows))
    return dict(rows)


def defaults() -> dict[str, object]:
    """What every key is where a strategy says nothing; `data` has a page of its own."""
    return dict(leaves(parsed(LEAST).model_dump(mode="json", exclude={"data"})))


def test_the_page_documents_every_key_and_nothing_else() -> None:
    assert set(documented()) == set(defaults())


def test_the_page_documents_how_models_are_asked() -> None:
    text = PAGE.read_text("utf-8")
    named = re.findall(r"^\| ([^|]+) \| `analyst\.([a-z_]+)` \|", text, re.MULTILINE)
    fields = {field.alias or name: field for name, field in AnalystSpec.model_fields.items()}
    assert [name for _, name in named if fields.pop(name)]
    assert not fields
    words = re.findall(r"^\| [^|]+ \| `([a-z-]+):MODEL` \|", text, re.MULTILINE)
    assert words == [family.word for family in FAMILIES if family.base_url] + ["compatible"]


def test_the_defaults_on_the_page_are_the_defaults() -> None:
    for key, cell in documented().items():
        if cell == "required":
            assert key in {"name", "instruments", "instruments.symbol"}
            continue
        stated = json.loads(json.dumps(yaml.safe_load(cell.strip("`"))), parse_float=str)
        assert comparable(stated) == comparable(defaults()[key]), key


def comparable(value: object) -> object:
    """Numbers that may have decimals are text in the document and numbers on the page."""
    if isinstance(value, list):
        return [comparable(item) for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # JSON
    return str(value)


def test_the_complete_example_is_read_and_uses_every_key() -> None:
    (example,) = re.findall(r"```yaml\n(.+?)```", PAGE.read_text("utf-8"), re.DOTALL)
    spec = parse_strategy_text(example, place=PAGE.name)
    assert spec.version == 1
    content = yaml.safe_load(example)
    content["instruments"].reverse()
    assert {name for name, _ in leaves(content)} == set(documented())


def test_the_example_writes_out_the_defaults() -> None:
    (example,) = re.findall(r"```yaml\n(.+?)```", PAGE.read_text("utf-8"), re.DOTALL)
    least = "name: swing-two-timeframes\ninstruments: [AAPL, IBM]\n"
    written = parse_strategy_text(example, place=PAGE.name)
    assert dict(spec_document(written)) | {"instruments": 0} == dict(
        spec_document(parsed(least))
    ) | {"instruments": 0}
