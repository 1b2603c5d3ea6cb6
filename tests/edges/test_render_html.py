"""The interactive chart as a file: whole, closed to the world, the same bytes, the same numbers."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import daily_bars, wave
from tests.chart_builders import chart_of
from tests.html_charts import CHARTS, HOSTILE, every_chart

from tapetrail.core.canonical import digest_bytes
from tapetrail.core.charts.legend import derive_legend
from tapetrail.core.charts.spec import CHART_STYLE, ChartSpec, Ink
from tapetrail.core.charts.text import spec_text
from tapetrail.render import canvas, look
from tapetrail.render.html import HTML_RENDERER, LIBRARY, LIBRARY_VERSION, render_html

ROOT: Final = Path(__file__).parents[2]
ASSETS: Final = files("tapetrail.render") / "assets"
TRADINGVIEW: Final = "https://www.tradingview.com/"
OUTSIDE: Final = {"TZ": "Asia/Tokyo", "LANG": "tr_TR.UTF-8", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
READABLE: Final = 4.5
LOOK: Final = look.LOOKS[CHART_STYLE]
WITHOUT_END: Final = {"meta", "link", "img", "br"}


@dataclass(slots=True)
class Element:
    tag: str
    attributes: Mapping[str, str]
    text: str = ""


@dataclass
class Document(HTMLParser):
    """The elements of a page, each with the text directly inside it, as a browser reads them."""

    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in WITHOUT_END:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.open[-1].text += data

    def all(self, tag: str) -> list[Element]:
        return [each for each in self.elements if each.tag == tag]

    def by_id(self, name: str) -> Element:
        return next(each for each in self.elements if each.attributes.get("id") == name)


def read(spec: ChartSpec) -> Document:
    document = Document()
    document.feed(render_html(spec).decode("utf-8"))
    document.close()
    assert document.open == []
    return document


def with_symbol(symbol: str) -> ChartSpec:
    spec = CHARTS["one bar"]
    return replace(spec, headline=replace(spec.headline, symbol=symbol))


# Nothing from outside


@every_chart
def test_the_file_refers_to_nothing_but_the_link_to_tradingview(spec: ChartSpec) -> None:
    document = read(spec)
    pointing = [
        (each.tag, name, value)
        for each in document.elements
        for name, value in each.attributes.items()
        if name in {"src", "href", "srcset", "data", "action", "poster", "style"}
        or name.startswith("on")
    ]
    assert pointing == [("link", "href", "data:,"), ("a", "href", TRADINGVIEW)]


def test_the_only_addresses_are_the_link_and_those_inside_the_library() -> None:
    whole = render_html(CHARTS["250 daily bars"])
    library = (ASSETS / LIBRARY).read_bytes()
    assert whole.count(library) == 1
    assert re.findall(rb"(?:https?|wss?|ftp)://[^\s\"'<]*", whole.replace(library, b"")) == [
        TRADINGVIEW.encode()
    ]


def test_the_style_imports_nothing_and_loads_nothing() -> None:
    (style,) = read(CHARTS["one bar"]).all("style")
    assert not re.search(r"@import|url\(|@font-face", style.text)


def test_the_script_makes_no_markup_of_data_and_keeps_nothing() -> None:
    script = read(CHARTS["one bar"]).all("script")[-1].text
    assert "createChart" in script
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|fetch\(|XMLHttp"
    )
    assert not re.search(forbidden + r"|localStorage|sessionStorage|cookie|import\(", script)


def test_the_policy_allows_these_scripts_and_this_style_and_nothing_else() -> None:
    document = read(CHARTS["30 bars"])
    (policy,) = [
        each.attributes["content"]
        for each in document.all("meta")
        if each.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    run = [each.text for each in document.all("script") if "type" not in each.attributes]
    (style,) = [each.text for each in document.all("style")]
    words = [
        "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
        for text in (*run, style)
    ]
    assert policy.split("; ") == [
        "default-src 'none'",
        f"script-src {words[0]} {words[1]}",
        f"style-src {words[2]}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_the_policy_comes_before_everything_it_governs() -> None:
    tags = [each.tag for each in read(CHARTS["one bar"]).elements]
    assert tags[:4] == ["html", "head", "meta", "meta"]


# Untrusted text


def test_a_hostile_symbol_is_text_and_opens_no_element() -> None:
    document, plain = read(CHARTS["hostile symbol"]), read(CHARTS["30 bars"])
    assert [each.tag for each in document.elements] == [each.tag for each in plain.elements]
    assert document.all("bdi")[0].text == HOSTILE
    assert json.loads(document.by_id("spec").text)["symbol"] == HOSTILE


def test_hostile_notes_and_legends_are_text() -> None:
    spec = CHARTS["30 bars"]
    volume = spec.panels[1]
    legend = replace(volume.legends[0][0], text=HOSTILE)
    panels = (spec.panels[0], replace(volume, legends=((legend,),)), *spec.panels[2:])
    document = read(replace(spec, panels=panels, notes=(HOSTILE, "plain")))
    assert [each.text for each in document.all("li")] == [HOSTILE, "plain"]
    assert HOSTILE in [each.text for each in document.all("span")]
    assert len(document.all("script")) == 4


@settings(max_examples=60)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp"])))
def test_any_symbol_is_shown_as_it_is(symbol: str) -> None:
    document = read(with_symbol(symbol))
    assert document.all("bdi")[0].text == symbol
    assert len(document.all("script")) == 4
    assert json.loads(document.by_id("spec").text)["symbol"] == symbol


@pytest.mark.parametrize(
    "letter",
    [
        "\0",
        "\x1b",
        "\x7f",
        "\x85",
        "\u200b",
        "\u200f",
        "\u202e",
        "\u2067",
        "\ud800",
        "\ufeff",
    ],
)
def test_what_has_no_sign_or_turns_text_around_is_marked(letter: str) -> None:
    document = read(with_symbol(f"A{letter}B"))
    assert document.all("bdi")[0].text == "A\ufffdB"
    assert json.loads(document.by_id("spec").text)["symbol"] == f"A{letter}B"


# The same numbers, the same bytes


@every_chart
def test_the_file_holds_the_stored_spec_document_itself(spec: ChartSpec) -> None:
    embedded = read(spec).by_id("spec").text
    assert not set("<>&\u2028\u2029") & set(embedded)
    for escape, letter in (("\\u003c", "<"), ("\\u003e", ">"), ("\\u0026", "&")):
        embedded = embedded.replace(escape, letter)
    assert embedded.encode("ascii") == spec_text(spec)


@every_chart
def test_the_file_holds_the_readings_of_every_bar(spec: ChartSpec) -> None:
    held, readings = json.loads(read(spec).by_id("readings").text), derive_legend(spec)
    assert tuple(held["decimals"]) == readings.decimals
    assert held["opens"] == list(readings.opens)
    assert held["highs"] == list(readings.highs)
    assert held["lows"] == list(readings.lows)
    assert held["closes"] == list(readings.closes)
    assert held["changes"] == list(readings.changes)
    for members, panel in zip(held["panels"], readings.panels, strict=True):
        for member, reading in zip(members, panel, strict=True):
            rising = None if reading.rising is None else reading.rising.astype(int).tolist()
            expected = [reading.label, reading.ink, list(reading.texts), rising]
            assert [
                member["label"],
                member["ink"],
                member["texts"],
                member.get("rising"),
            ] == expected


@every_chart
def test_headline_legends_and_notes_stand_in_the_file_without_the_script(spec: ChartSpec) -> None:
    document, head = read(spec), spec.headline
    shown = [each.text for each in document.all("span")]
    legends = [legend.text for panel in spec.panels for row in panel.legends for legend in row]
    assert set(legends) <= set(shown)
    assert document.by_id("bar").text.replace("\u00a0", " ") == head.facts
    assert document.by_id("context").text == head.context
    assert head.change is None or head.change.text in shown
    assert [each.text for each in document.all("li")] == list(spec.notes)
    bars = "1 bar " if len(spec) == 1 else f"{len(spec)} bars "
    assert bars in document.by_id("caption").text


def test_equal_specs_are_equal_bytes() -> None:
    one, other = (chart_of(daily_bars(wave(300)), drawn=60) for _ in range(2))
    assert one is not other
    assert render_html(one) == render_html(other)


def test_another_process_in_another_place_writes_the_same_bytes() -> None:
    found = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        cwd=ROOT,
        env={**os.environ, **OUTSIDE},
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == digest_bytes(render_html(CHARTS["short history"]))


ELSEWHERE: Final = """
import sys
sys.path.insert(0, ".")
from tapetrail.core.canonical import digest_bytes
from tapetrail.render.html import render_html
from tests.html_charts import CHARTS
print(digest_bytes(render_html(CHARTS["short history"])))
"""


def test_the_file_is_utf8_with_line_feeds_alone() -> None:
    text = render_html(CHARTS["hostile symbol"]).decode("utf-8")
    assert "\r" not in text
    assert text.startswith("<!doctype html>\n")
    assert text.endswith("</html>\n")


# The library and the look


def test_the_library_is_the_recorded_one_unchanged() -> None:
    folder = ASSETS / "lightweight-charts"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    library = (ASSETS / LIBRARY).read_bytes()
    assert hashlib.sha256(library).hexdigest() in readme
    assert f"lightweight-charts {LIBRARY_VERSION}\n" in readme
    assert f"Lightweight Charts™ v{LIBRARY_VERSION}\n".encode() in library
    assert HTML_RENDERER.endswith(f"lightweight-charts/{LIBRARY_VERSION}")
    assert "Apache License" in (folder / "LICENSE").read_text(encoding="utf-8")


def test_the_page_shows_the_notice_of_the_library() -> None:
    notice = (ASSETS / "lightweight-charts" / "NOTICE").read_text(encoding="utf-8")
    text = render_html(CHARTS["one bar"]).decode("utf-8")
    for line in notice.replace(TRADINGVIEW, "").splitlines():
        assert line.strip() in text


def colours() -> dict[str, tuple[str, str]]:
    style = (ASSETS / "chart.css").read_text(encoding="utf-8")
    found = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", style)
    return {name: (light, dark) for name, light, dark in found}


def test_the_light_colours_are_those_of_the_printed_page() -> None:
    ours = colours()
    for ink in Ink:
        name = "text-ink" if ink is Ink.TEXT else ink
        assert canvas.rgb(ours[name][0]) == LOOK.inks[ink], ink
    pairs = {
        "up-fill": LOOK.candles.rising,
        "up-solid": LOOK.candles.narrow,
        "down": LOOK.candles.falling,
        "grid": look.GRID,
        "edge": look.EDGE,
        "band-area": look.BAND_AREA,
        "shade": look.SHADE,
    }
    assert {name: canvas.rgb(ours[name][0]) for name in pairs} == pairs


def test_every_ink_has_a_class() -> None:
    style = (ASSETS / "chart.css").read_text(encoding="utf-8")
    for ink in Ink:
        assert f".ink-{ink} {{" in style


def luminance(colour: tuple[float, ...]) -> float:
    shares = [each / 255 for each in colour]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def channels(colour: str) -> tuple[float, ...]:
    return tuple(float(int(colour[at : at + 2], 16)) for at in (1, 3, 5))


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_letters_have_the_contrast_that_small_text_needs(theme: int) -> None:
    ours = {name: channels(pair[theme]) for name, pair in colours().items()}
    for ink in (Ink.UP, Ink.DOWN):
        share = zip(ours[ink], ours["text"], strict=True)
        change = tuple(0.72 * own + 0.28 * text for own, text in share)
        assert contrast(change, ours["surface"]) >= READABLE, ink
    for name in ("text", "muted", "accent"):
        assert contrast(ours[name], ours["surface"]) >= READABLE, name
