"""The interactive chart told apart without colour: bodies, columns, the key, breaks."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from tests.builders import daily_bars, wave
from tests.chart_builders import chart_of
from tests.html_charts import CHARTS
from tests.surfaces.test_chart_in_browser import PIXEL, visit

from tapetrail.core.charts.spec import Break, ChartSpec

pytestmark = pytest.mark.browser

SPEC: Final[ChartSpec] = CHARTS["30 bars"]
PALE: Final = [191, 232, 219]
LIGHT_DOWN: Final = [133, 20, 42]
DARK_UP: Final = [143, 240, 207]
DARK_DOWN: Final = [207, 51, 73]
# The colour of candles that rise, as the library draws them now.
RISING: Final = """
() => chart.panes()[0].getSeries().find((each) => each.seriesType() === "Candlestick")
  .options().upColor
"""
# Where the stretch between the 15th and the 16th bar lies.
MIDDLE: Final = """
() => {
  const scale = chart.timeScale();
  return (scale.logicalToCoordinate(14) + scale.logicalToCoordinate(15)) / 2;
}
"""
# The colour in the middle of a column of a panel, by its bar and the value there.
COLUMN: Final = """
([pane, at, value]) => {
  const columns = chart.panes()[pane].getSeries()[0];
  const { top } = chart.panes()[pane].getHTMLElement().getBoundingClientRect();
  const above = chart.panes()[0].getHTMLElement().getBoundingClientRect().top;
  const x = Math.round(chart.timeScale().logicalToCoordinate(at));
  const y = Math.round(top - above + columns.priceToCoordinate(value));
  return [...chart.takeScreenshot(true).getContext("2d").getImageData(x, y, 1, 1).data].slice(0, 3);
}
"""


def tallest(spec: ChartSpec, *, rises: bool) -> int:
    """The bar of that direction whose body is the largest."""
    candles = spec.candles
    sizes = np.where(candles.rising == rises, np.abs(candles.close - candles.open), -1.0)
    return int(np.argmax(sizes))


@pytest.mark.parametrize(
    ("theme", "up", "down"), [("light", PALE, LIGHT_DOWN), ("dark", DARK_UP, DARK_DOWN)]
)
def test_bodies_and_columns_have_the_same_pair_of_colours(
    browser: Browser, tmp_path: Path, *, theme: str, up: list[int], down: list[int]
) -> None:
    volume = SPEC.panels[1].series[0].values
    with visit(browser, tmp_path, bare(SPEC), theme=theme) as chart:
        for rises, expected in ((True, up), (False, down)):
            at = tallest(SPEC, rises=rises)
            middle = float(SPEC.candles.open[at] + SPEC.candles.close[at]) / 2
            assert chart.page.evaluate(PIXEL, [at, middle]) == expected
            assert chart.page.evaluate(COLUMN, [1, at, float(volume[at]) / 2]) == expected


def bare(spec: ChartSpec) -> ChartSpec:
    """The chart without lines over its bars."""
    price = replace(spec.panels[0], series=(), band=None, legends=((),), tag=None)
    return replace(spec, panels=(price, *spec.panels[1:]))


def test_bodies_are_solid_where_bars_stand_closer_than_five_pixels(
    browser: Browser, tmp_path: Path
) -> None:
    with visit(browser, tmp_path, CHARTS["250 daily bars"], width=1200) as chart:
        page = chart.page.locator("html")
        expect(page).to_have_attribute("data-bars", "solid")
        assert chart.page.evaluate(RISING) == "rgb(18, 163, 132)"
        chart.press(*["+"] * 4)
        chart.view()
        expect(page).to_have_attribute("data-bars", "edged")
        assert chart.page.evaluate(RISING) == "rgb(191, 232, 219)"
        chart.press("0")
        chart.view()
        expect(page).to_have_attribute("data-bars", "solid")


def test_the_headline_says_what_up_and_down_look_like(browser: Browser, tmp_path: Path) -> None:
    with visit(browser, tmp_path, SPEC) as chart:
        expect(chart.page.locator("#key")).to_have_text("up down")
        expect(chart.page.locator("#key i").first).to_have_css(
            "background-color", "rgb(191, 232, 219)"
        )
        expect(chart.page.locator("#key i").last).to_have_css(
            "background-color", "rgb(133, 20, 42)"
        )


def test_legends_are_words_in_the_colour_of_text(browser: Browser, tmp_path: Path) -> None:
    with visit(browser, tmp_path, SPEC) as chart:
        for legend in chart.page.locator("#chart .legend").all():
            expect(legend).to_have_css("color", "rgb(19, 23, 34)")


def test_a_break_parts_every_panel_and_is_said(browser: Browser, tmp_path: Path) -> None:
    broken = replace(SPEC, breaks=(Break(at=15, label="54 sessions missing"),))
    with visit(browser, tmp_path, SPEC) as chart:
        whole = chart.page.locator("#chart").screenshot()
    with visit(browser, tmp_path, broken) as chart:
        assert chart.page.locator("#chart").screenshot() != whole
        said = chart.page.locator("#caption").text_content() or ""
        assert said.endswith(f"Breaks: 54 sessions missing before {SPEC.days[15]}.")
        x = round(chart.page.evaluate(MIDDLE))
        white = chart.page.evaluate(
            """(x) => {
              const shot = chart.takeScreenshot(true);
              const strip = shot.getContext("2d").getImageData(x, 0, 1, shot.height).data;
              let top = 0;
              return chart.panes().map((pane) => {
                const y = top + Math.round(pane.getHeight() * 0.6);
                top += pane.getHeight() + 1;
                return strip[4 * y];
              });
            }""",
            x,
        )
        assert white == [255] * len(SPEC.panels)


def test_what_is_not_finished_is_drawn_with_a_dotted_edge(browser: Browser, tmp_path: Path) -> None:
    bars = daily_bars(wave(300))
    complete = bars.complete.copy()
    complete[-1] = False
    spec = chart_of(replace(bars, complete=complete), drawn=12)
    with visit(browser, tmp_path, spec) as chart:
        unfinished = chart.page.locator("#chart").screenshot()
    finished = replace(
        spec, candles=replace(spec.candles, complete=np.ones(len(spec), dtype=np.bool_))
    )
    with visit(browser, tmp_path, finished) as chart:
        assert chart.page.locator("#chart").screenshot() != unfinished
