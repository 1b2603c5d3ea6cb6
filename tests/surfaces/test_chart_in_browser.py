"""The interactive chart in a real browser, opened from a file: what a person sees and can do."""

import math
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeAlias, TypedDict

import numpy as np
import pypdfium2
import pytest
from gallery.cases import CASES
from playwright.sync_api import Browser, Page, expect
from tests.html_charts import CHARTS, HOSTILE, every_chart
from tests.page_words import words_of

from tapetrail.core.charts.axes import Scale
from tapetrail.core.charts.legend import ChartLegend, derive_legend
from tapetrail.core.charts.spec import ChartSpec, Form, Ink, Series
from tapetrail.core.market.bars import Floats
from tapetrail.render.html import render_html
from tapetrail.render.page import render_page

pytestmark = pytest.mark.browser

# Keeps the library's chart where a test can ask it what it draws; nothing of ours is replaced.
HOLD: Final = """
let held;
Object.defineProperty(window, "LightweightCharts", {
  get: () => held,
  set: (library) => {
    held = { ...library, createChart: (...args) => (window.chart = library.createChart(...args)) };
  },
});
window.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""
# One value a bar: the library itself leaves out points without a value at the end.
DRAWN: Final = """
() => {
  const panes = chart.panes().map((pane) => pane.getSeries());
  const bars = panes[0].find((series) => series.seriesType() === "Candlestick").data();
  const filled = (points) => {
    const byTime = new Map(points.map((point) => [point.time, point]));
    return bars.map(({ time }) => byTime.get(time) ?? {});
  };
  return panes.map((all) => all.map((series) => ({
    kind: series.seriesType(),
    points: filled(series.data()).map((point) =>
      point.open === undefined ? point.value ?? null
        : [point.open, point.high, point.low, point.close]),
  })));
}
"""
# The library takes a new view over with the next frame.
VIEW: Final = """
() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
  () => done(chart.timeScale().getVisibleLogicalRange()))))
"""
# The colour that is drawn at a bar and a price of the first panel.
PIXEL: Final = """
([at, price]) => {
  const candles = chart.panes()[0].getSeries().find((each) => each.seriesType() === "Candlestick");
  const x = Math.round(chart.timeScale().logicalToCoordinate(at));
  const y = Math.round(candles.priceToCoordinate(price));
  return [...chart.takeScreenshot(true).getContext("2d").getImageData(x, y, 1, 1).data].slice(0, 3);
}
"""
BACKGROUND: Final = "() => chart.options().layout.background.color"
LIGHT: Final = "rgb(255, 255, 255)"
DARK: Final = "rgb(18, 21, 27)"
CROSSING: Final = "() => document.documentElement.scrollWidth - innerWidth"


Points: TypeAlias = list[float | None]


class DrawnSeries(TypedDict):
    """What the library says of one series: its kind, and a value a bar."""

    kind: str
    points: Points


@dataclass
class Visit:
    """A page that is open, and everything that happened on it which should not have."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def show(self, spec: ChartSpec, folder: Path) -> None:
        """Open a chart; complain about every error, request and violation of the one before."""
        self.complain()
        file = folder / "chart.html"
        file.write_bytes(render_html(spec))
        self.page.goto(file.as_uri())
        expect(self.page.locator("html")).to_have_attribute("data-drawn", str(len(spec.panels)))

    def complain(self) -> None:
        assert self.complaints == []
        assert not self.page.evaluate("() => window.violations?.length")
        assert [url for url in self.requests if url not in {self.page.url, "data:,"}] == []
        self.requests.clear()

    def bar(self) -> str:
        return self.page.locator("#bar").inner_text().replace("\u00a0", " ")

    def legends(self) -> list[list[str]]:
        rows = self.page.locator("#chart .legends").all()
        return [row.locator(".legend").all_text_contents() for row in rows]

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.locator("#chart").press(key)

    def view(self) -> tuple[float, float]:
        found = self.page.evaluate(VIEW)
        return found["from"], found["to"]


@contextmanager
def visit(
    browser: Browser, folder: Path, spec: ChartSpec, *, theme: str = "light", width: int = 1280
) -> Generator[Visit]:
    """Give the open chart in a browser of its own, which knows nothing of any other."""
    with new_page(browser, theme=theme, width=width) as found:
        found.show(spec, folder)
        yield found


@contextmanager
def new_page(browser: Browser, *, theme: str = "light", width: int = 1280) -> Generator[Visit]:
    scheme = "dark" if theme == "dark" else "light"
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    found = Visit(page)
    page.on("console", lambda message: found.complaints.append(message.text))
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.on("dialog", lambda dialog: found.complaints.append(f"dialog {dialog.message}"))
    page.on("request", lambda request: found.requests.append(request.url))
    page.add_init_script(HOLD)
    yield found
    found.complain()
    context.close()


@pytest.fixture(scope="module")
def reader(browser: Browser) -> Generator[Visit]:
    """Give one page for all charts that are looked at and not touched."""
    with new_page(browser) as found:
        yield found


def legends_of(spec: ChartSpec) -> list[list[str]]:
    return [[legend.text for row in panel.legends for legend in row] for panel in spec.panels]


def legends_at(readings: ChartLegend, at: int) -> list[list[str]]:
    return [[f"{each.label} {each.texts[at]}" for each in panel] for panel in readings.panels]


def facts_at(spec: ChartSpec, readings: ChartLegend, at: int) -> str:
    columns = zip(
        "OHLC", (readings.opens, readings.highs, readings.lows, readings.closes), strict=True
    )
    return "  ".join([str(spec.days[at]), *(f"{name} {texts[at]}" for name, texts in columns)])


# What is drawn


@every_chart
def test_the_drawn_values_and_the_legends_are_those_of_the_spec(
    reader: Visit, tmp_path: Path, spec: ChartSpec
) -> None:
    reader.show(spec, tmp_path)
    drawn: list[list[DrawnSeries]] = reader.page.evaluate(DRAWN)
    assert reader.legends() == legends_of(spec)
    assert reader.bar() == spec.headline.facts
    reader.complain()
    assert len(drawn) == len(spec.panels)
    candles = spec.candles
    columns = [
        ten_digits(each) for each in (candles.open, candles.high, candles.low, candles.close)
    ]
    bars = [list(bar) for bar in zip(*columns, strict=True)]
    assert [each["points"] for each in drawn[0] if each["kind"] == "Candlestick"] == [bars]
    for panel, parts in zip(spec.panels, drawn, strict=True):
        lines = iter([each["points"] for each in parts if each["kind"] != "Candlestick"])
        for series in sorted(panel.series, key=lambda each: each.form is not Form.COLUMNS):
            found = next(lines)
            if 0 < series.settling < len(spec):
                found = joined(found, next(lines))
            assert found == ten_digits(series.values), series.name
        assert list(lines) == []


def test_the_interactive_chart_says_the_last_values_that_the_image_shows(
    reader: Visit, tmp_path: Path
) -> None:
    for case in CASES:
        spec = case.spec()
        drawn = {words.text for words in words_of(render_page(spec))}
        reader.show(spec, tmp_path)
        legends, bar = reader.legends(), reader.bar()
        assert legends == legends_of(spec), case.name
        assert {text for panel in legends for text in panel} <= drawn, case.name
        assert bar == spec.headline.facts, case.name
        assert bar in drawn, case.name
        reader.complain()


def test_a_direction_that_lasts_one_bar_is_drawn(browser: Browser, tmp_path: Path) -> None:
    spec = CHARTS["30 bars"]
    price, at = spec.panels[0], 12
    low = price.axis.low + 0.01 * (price.axis.high - price.axis.low)
    trend = Series(
        name="supertrend",
        form=Form.TREND,
        ink=Ink.TEXT,
        values=np.full(len(spec), low),
        rising=np.arange(len(spec)) != at,
    )
    series = tuple(trend if each.form is Form.TREND else each for each in price.series)
    turned = replace(spec, panels=(replace(price, series=series), *spec.panels[1:]))
    with visit(browser, tmp_path, turned) as chart:
        colours = [chart.page.evaluate(PIXEL, [place, low]) for place in (at - 3, at, at + 3)]
    up, down = [11, 110, 89], [133, 20, 42]
    assert colours == [up, down, up]


def joined(solid: Points, dashed: Points) -> Points:
    """A line whose beginning is dashed is drawn in two parts that share one point."""
    shared = [at for at, pair in enumerate(zip(solid, dashed, strict=True)) if None not in pair]
    assert len(shared) <= 1
    return [one if other is None else other for one, other in zip(solid, dashed, strict=True)]


def ten_digits(values: Floats) -> Points:
    return [None if math.isnan(each) else float(f"{each:.10g}") for each in values.tolist()]


def test_a_bar_that_is_not_finished_has_no_edge_of_the_librarys_and_says_so(
    browser: Browser, tmp_path: Path
) -> None:
    with visit(browser, tmp_path, CHARTS["partial week"]) as chart:
        edges = chart.page.evaluate(
            "() => chart.panes()[0].getSeries()[0].data().map((bar) => bar.borderColor ?? null)"
        )
    assert edges == [None] * 103 + ["transparent"]


@pytest.mark.parametrize("name", ["log scale", "250 daily bars"])
def test_prices_lie_on_the_scale_of_the_spec(browser: Browser, tmp_path: Path, name: str) -> None:
    mode = "Logarithmic" if name == "log scale" else "Normal"
    assert (CHARTS[name].panels[0].axis.scale is Scale.LOG) is (mode == "Logarithmic")
    with visit(browser, tmp_path, CHARTS[name]) as chart:
        found = chart.page.evaluate("() => chart.priceScale('right', 0).options().mode")
        assert found == chart.page.evaluate(f"() => LightweightCharts.PriceScaleMode.{mode}")


@pytest.mark.parametrize(
    "name", ["250 daily bars", "30 bars", "levels", "log scale", "many averages"]
)
def test_the_whole_chart_shows_at_least_the_recorded_range(
    browser: Browser, tmp_path: Path, name: str
) -> None:
    spec = CHARTS[name]
    with visit(browser, tmp_path, spec) as chart:
        for place, panel in enumerate(spec.panels):
            low, high = chart.page.evaluate(
                "(place) => { const { from, to } = chart.priceScale('right', place)"
                ".getVisibleRange(); return [from, to]; }",
                place,
            )
            # The library gives its range back rounded to what the axis can tell apart.
            told = 1.0 if panel.kind in {"volume", "obv"} else 0.01
            assert low == pytest.approx(panel.axis.low, abs=told)
            assert high >= panel.axis.high - told


# Following the bars


def test_arrow_keys_move_the_legends_bar_by_bar(browser: Browser, tmp_path: Path) -> None:
    spec = CHARTS["250 daily bars"]
    readings = derive_legend(spec)
    with visit(browser, tmp_path, spec) as chart:
        for keys, at in (
            (["ArrowLeft"], 249),
            (["ArrowLeft"], 248),
            (["ArrowLeft", "ArrowLeft", "ArrowRight"], 247),
            (["PageUp"], 237),
            (["Home"], 0),
            (["ArrowLeft"], 0),
            (["PageDown"], 10),
            (["End"], 249),
            (["ArrowRight"], 249),
        ):
            chart.press(*keys)
            assert chart.bar() == facts_at(spec, readings, at), keys
            assert chart.legends() == legends_at(readings, at), keys
        resting = chart.page.locator("#change").evaluate("(element) => element.outerHTML")
        chart.press("Home", "Escape")
        assert chart.legends() == legends_of(spec)
        assert chart.bar() == spec.headline.facts
        assert chart.page.locator("#change").evaluate("(element) => element.outerHTML") == resting


def test_what_the_keys_point_at_is_spoken(browser: Browser, tmp_path: Path) -> None:
    spec = CHARTS["250 daily bars"]
    readings = derive_legend(spec)
    with visit(browser, tmp_path, spec) as chart:
        spoken = chart.page.locator("[aria-live=polite]")
        assert spoken.inner_text() == ""
        chart.press("End", "ArrowLeft")
        expected = [facts_at(spec, readings, 248), readings.changes[248]]
        expected += [text for panel in legends_at(readings, 248) for text in panel]
        said = spoken.text_content() or ""
        assert said.replace("\u00a0", " ") == ", ".join(expected)


def test_the_pointer_moves_the_legends_too(browser: Browser, tmp_path: Path) -> None:
    spec = CHARTS["30 bars"]
    readings = derive_legend(spec)
    with visit(browser, tmp_path, spec) as chart:
        x = chart.page.evaluate("() => chart.timeScale().logicalToCoordinate(12)")
        chart.page.locator("#chart").hover(position={"x": x + 1, "y": 300})
        expect(chart.page.locator("#bar")).to_have_text(facts_at(spec, readings, 12))
        assert chart.legends() == legends_at(readings, 12)
        chart.page.locator("footer").hover()
        expect(chart.page.locator("#bar")).to_have_text(spec.headline.facts)
        assert chart.legends() == legends_of(spec)


def test_a_partial_bar_reads_without_values_where_it_feeds_none(
    browser: Browser, tmp_path: Path
) -> None:
    spec = CHARTS["partial week"]
    with visit(browser, tmp_path, spec) as chart:
        chart.press("End")
        assert chart.legends() == legends_at(derive_legend(spec), 103)
        assert chart.legends()[0][0] == "SMA20 –"  # noqa: RUF001 # the dash of "no value"


def test_keys_zoom_move_and_reset(browser: Browser, tmp_path: Path) -> None:
    with visit(browser, tmp_path, CHARTS["250 daily bars"]) as chart:
        whole = chart.view()
        chart.press(*["+"] * 8)
        near = chart.view()
        assert near[1] - near[0] < (whole[1] - whole[0]) / 4
        assert near[1] == pytest.approx(whole[1], abs=1)
        chart.press("Home")
        assert chart.view()[0] <= 0.5
        chart.press("-")
        wider = chart.view()
        assert wider[1] - wider[0] > near[1] - near[0]
        chart.press("0")
        assert chart.view() == pytest.approx(whole, abs=0.01)


def test_keys_with_a_modifier_stay_the_browsers(browser: Browser, tmp_path: Path) -> None:
    with visit(browser, tmp_path, CHARTS["30 bars"]) as chart:
        chart.press("Control+ArrowLeft", "Alt+ArrowLeft", "a")
        assert chart.bar() == CHARTS["30 bars"].headline.facts


# Themes, sizes, paper


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_chart_follows_the_system_until_the_button_is_used(
    browser: Browser, tmp_path: Path, theme: str
) -> None:
    colour, other = (LIGHT, DARK) if theme == "light" else (DARK, LIGHT)
    with visit(browser, tmp_path, CHARTS["30 bars"], theme=theme) as chart:
        assert chart.page.evaluate(BACKGROUND) == colour
        before = chart.page.locator("#chart").screenshot()
        button = chart.page.locator("#theme")
        assert button.inner_text() == ("Dark" if theme == "light" else "Light")
        button.press("Enter")
        assert chart.page.evaluate(BACKGROUND) == other
        assert chart.page.locator("#chart").screenshot() != before
        assert chart.legends() == legends_of(CHARTS["30 bars"])
        button.press("Enter")
        assert chart.page.evaluate(BACKGROUND) == colour


def test_a_change_of_the_systems_theme_is_followed_and_keeps_the_view(
    browser: Browser, tmp_path: Path
) -> None:
    with visit(browser, tmp_path, CHARTS["250 daily bars"]) as chart:
        chart.press(*["+"] * 6)
        before = chart.view()
        chart.page.emulate_media(color_scheme="dark")
        expect(chart.page.locator("#theme")).to_have_text("Light")
        assert chart.page.evaluate(BACKGROUND) == DARK
        assert chart.view() == pytest.approx(before, abs=0.5)


@pytest.mark.parametrize("width", [400, 800, 2000])
def test_nothing_crosses_the_edge_of_the_window(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    for name in ("250 daily bars", "hostile symbol"):
        with visit(browser, tmp_path, CHARTS[name], width=width) as chart:
            assert chart.page.evaluate(CROSSING) <= 0


def test_another_width_keeps_the_whole_chart_in_view(browser: Browser, tmp_path: Path) -> None:
    with visit(browser, tmp_path, CHARTS["250 daily bars"], width=1600) as chart:
        for width in (420, 2000, 900):
            chart.page.set_viewport_size({"width": width, "height": 900})
            drawn = chart.page.locator("#chart .tv-lightweight-charts")
            expect(drawn).to_have_css("width", re.compile(rf"^{width - 26}(\.\d+)?px$"))
            assert chart.view() == pytest.approx((-0.5, 249.5), abs=0.6)
            assert chart.page.evaluate(CROSSING) <= 0


def test_a_dark_chart_is_printed_on_one_white_sheet(browser: Browser, tmp_path: Path) -> None:
    with visit(browser, tmp_path, CHARTS["250 daily bars"], theme="dark") as chart:
        printed = chart.page.pdf(prefer_css_page_size=True, print_background=True)
        assert chart.page.evaluate(BACKGROUND) == DARK
    document = pypdfium2.PdfDocument(printed)
    assert len(document) == 1
    width, height = document[0].get_size()
    pixels = document[0].render(scale=1).to_numpy()
    document.close()
    assert width > height
    assert (pixels.min(axis=2) > 240).mean() > 0.7
    colourful = (pixels.max(axis=2).astype(int) - pixels.min(axis=2)) > 60
    rows = colourful.any(axis=1)
    assert rows.mean() > 0.5, "the panels are drawn, not only their legends"


# Text


def test_a_hostile_symbol_is_text_on_the_page(browser: Browser, tmp_path: Path) -> None:
    with visit(browser, tmp_path, CHARTS["hostile symbol"]) as chart:
        shown = chart.page.locator("h1 bdi")
        assert shown.text_content() == HOSTILE
        assert chart.page.locator("img").count() == 0
        assert chart.page.locator("script").count() == 4


def test_the_table_holds_every_bar_newest_first(browser: Browser, tmp_path: Path) -> None:
    spec = CHARTS["partial week"]
    readings = derive_legend(spec)
    with visit(browser, tmp_path, spec) as chart:
        assert chart.page.locator(".data").count() == 0
        chart.page.locator("summary").click()
        rows = chart.page.locator(".data tbody tr")
        expect(rows).to_have_count(len(spec))
        heads = chart.page.locator(".data thead th").all_text_contents()
        assert heads[:6] == ["Bar", "Open", "High", "Low", "Close", "Change"]
        newest = rows.first.locator("th, td").all_text_contents()
        assert newest[0] == f"{spec.days[-1]} (partial)"
        assert newest[4] == readings.closes[-1]
        oldest = rows.last.locator("th, td").all_text_contents()
        texts = [each.texts[0] for panel in readings.panels for each in panel]
        assert oldest[6:] == texts


def test_the_library_is_credited_where_people_see_the_chart(
    browser: Browser, tmp_path: Path
) -> None:
    with visit(browser, tmp_path, CHARTS["30 bars"]) as chart:
        link = chart.page.get_by_role("link", name="TradingView")
        expect(link).to_be_visible()
        assert link.get_attribute("href") == "https://www.tradingview.com/"
