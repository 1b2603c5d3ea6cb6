"""Rendering: a page whose letters never collide, a JPEG that is the same bytes everywhere."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from itertools import combinations, pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pypdfium2
import pytest
import simplejpeg
from fontTools.ttLib import TTFont
from tests.builders import daily_bars, wave
from tests.chart_builders import STANDARD, chart_of
from tests.page_words import words_of

from tapetrail.core.canonical import digest_bytes
from tapetrail.core.charts.spec import CHART_STYLE, Break, ChartSpec, Ink, Level
from tapetrail.core.errors import ErrorKind, IntegrityFailure, InvalidInput
from tapetrail.core.market.bars import WEEKLY, Bars
from tapetrail.render import fonts, jpeg, pdf
from tapetrail.render.jpeg import RENDERER, render_jpeg
from tapetrail.render.look import HEIGHT, LOOKS, TEXT, WIDTH
from tapetrail.render.page import lay_out, render_page
from tapetrail.render.words import escaped_letters

ROOT: Final = Path(__file__).parents[2]
HOSTILE: Final = "<script>alert(1)</script>\\)(Ω株\x00"
OUTSIDE: Final = {"TZ": "Asia/Tokyo", "LANG": "tr_TR.UTF-8", "LC_ALL": "C", "PYTHONHASHSEED": "7"}


def partial(bars: Bars) -> Bars:
    complete = bars.complete.copy()
    complete[-1] = False
    return replace(bars, complete=complete, timeframe=WEEKLY)


def levels(*prices: float) -> list[Level]:
    return [
        Level(name=f"Level {place}", value=price, label=f"{price:.2f}", ink=Ink.DOWN)
        for place, price in enumerate(prices)
    ]


CHARTS: Final[Mapping[str, ChartSpec]] = {
    "250 daily bars": chart_of(daily_bars(wave(460))),
    "104 weekly bars": chart_of(replace(daily_bars(wave(320)), timeframe=WEEKLY), drawn=104),
    "30 bars": chart_of(daily_bars(wave(300)), drawn=30),
    "1000 bars": chart_of(daily_bars(wave(1200)), drawn=1000),
    "one bar": chart_of(daily_bars([118.5]), drawn=1),
    "short history": chart_of(daily_bars(wave(196))),
    "penny stock": chart_of(daily_bars(np.round(wave(460) / 1e4, 5))),
    "tiny prices": chart_of(daily_bars(wave(460) * 1e-11)),
    "big prices": chart_of(daily_bars(wave(460) * 6_512.5)),
    "huge prices": chart_of(daily_bars(wave(460) * 6.5e9)),
    "growth": chart_of(daily_bars([1.0 * 1.012**step for step in range(460)])),
    "flat": chart_of(daily_bars([10.0] * 300)),
    "no volume": chart_of(daily_bars(wave(460), volumes=np.full(460, np.nan))),
    "partial week": chart_of(partial(daily_bars(wave(460))), drawn=60),
    "many averages": chart_of(
        daily_bars(wave(460)), settings=replace(STANDARD, sma=tuple(range(10, 200, 15)))
    ),
    "levels": chart_of(daily_bars(wave(460)), drawn=120, levels=levels(120.0, 121.0, 60.0)),
    "hostile symbol": chart_of(daily_bars(wave(300)), drawn=30, symbol=HOSTILE * 3),
}
every_chart: Final = pytest.mark.parametrize("spec", CHARTS.values(), ids=CHARTS)


def text_in(page: bytes) -> str:
    """The page's text as a reader of PDF files finds it."""
    document = pypdfium2.PdfDocument(page)
    reader = document[0].get_textpage()
    text = reader.get_text_range()
    document.close()
    return text


# The page


@every_chart
def test_no_text_runs_into_another(spec: ChartSpec) -> None:
    words = words_of(render_page(spec))
    assert len(words) > 5
    assert [(a.text, b.text) for a, b in combinations(words, 2) if a.meets(b)] == []


@every_chart
def test_no_text_leaves_the_page(spec: ChartSpec) -> None:
    for words in words_of(render_page(spec)):
        assert words.left >= 0, words
        assert words.right <= WIDTH, words
        assert words.top >= 0, words
        assert words.bottom <= HEIGHT, words


@every_chart
def test_every_date_is_drawn_and_every_axis_has_a_label(spec: ChartSpec) -> None:
    drawn = [words.text for words in words_of(render_page(spec))]
    assert {tick.label for tick in spec.date_ticks} <= set(drawn)
    for panel in spec.panels:
        assert {tick.label for tick in panel.axis.ticks} & set(drawn)
        for row in panel.legends:
            assert {legend.text for legend in row} <= set(drawn)


@every_chart
def test_notes_are_on_the_page_in_full(spec: ChartSpec) -> None:
    drawn = " ".join(words.text for words in words_of(render_page(spec)))
    for note in spec.notes:
        assert note in drawn


def test_a_reader_of_pdf_files_finds_the_text() -> None:
    text = text_in(render_page(CHARTS["250 daily bars"]))
    for expected in ("AAPL", "SMA200", "MACD(12,26,9)", "250 bars", "2026"):
        assert expected in text


def test_a_symbol_is_never_markup_and_unknown_letters_are_numbers() -> None:
    page = render_page(chart_of(daily_bars(wave(30)), symbol=HOSTILE))
    assert "<script>alert(1)</script>\\)(Ω[U+682A U+0000]" in text_in(page)
    assert b"alert" not in page
    assert len(pypdfium2.PdfDocument(page)) == 1


def test_a_symbol_too_long_for_the_line_is_cut() -> None:
    spec = CHARTS["huge prices"]
    wide = replace(spec, headline=replace(spec.headline, symbol="W" * 200))
    first = words_of(render_page(wide))[0]
    assert re.fullmatch(r"W+\.\.", first.text)


def test_what_has_no_room_at_all_is_left_out() -> None:
    spec = CHARTS["30 bars"]
    crowded = replace(spec, headline=replace(spec.headline, facts="0" * 140))
    assert "30 bars" not in " ".join(words.text for words in words_of(render_page(crowded)))


def test_an_isolated_value_is_drawn_as_a_short_dash() -> None:
    bars = daily_bars(wave(200))
    page = render_page(chart_of(bars, drawn=100))
    before = render_page(chart_of(bars.take(slice(1, None)), drawn=100))
    # The 200th bar is the first and only one with an average of 200.
    lone = re.compile(rb"w\n(\d+) (\d+) m\n(\d+) \2 l S(?!\[)")

    def dashes(drawn: bytes) -> list[int]:
        ends = [(int(start), int(end)) for start, _, end in lone.findall(drawn)]
        return [end - start for start, end in ends if end - start == 50]

    assert len(dashes(page)) == len(dashes(before)) + 1


def test_a_trend_is_broken_where_its_direction_turns() -> None:
    spec = CHARTS["250 daily bars"]
    price = spec.panels[0]
    trend = next(each for each in price.series if each.name == "supertrend")
    assert trend.rising is not None
    turns = int(np.count_nonzero(trend.rising[1:] != trend.rising[:-1]))
    assert turns > 2
    strokes = re.findall(rb"RG 26 w\n((?:[\d ]+ [ml]\s)+)S", render_page(spec))
    assert sum(stroke.count(b" m") for stroke in strokes) == turns + 1


def test_the_page_is_one_file_whose_table_points_at_its_objects() -> None:
    page = render_page(CHARTS["30 bars"])
    start = int(page.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    assert page[start : start + 4] == b"xref"
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n", page[start:])]
    for number, place in enumerate(places, start=1):
        assert page[place:].startswith(b"%d 0 obj\n" % number)
    assert all(one < other for one, other in pairwise(places))


def test_a_bar_that_is_not_finished_is_said_so_beside_it_and_has_a_dotted_edge() -> None:
    page = render_page(CHARTS["partial week"])
    assert "not finished" in [words.text for words in words_of(page)]
    dotted = LOOKS[CHART_STYLE].dotted.encode()
    assert page.count(dotted) == 1
    assert dotted not in render_page(CHARTS["30 bars"])


def test_a_break_has_room_of_its_own_in_every_panel_and_says_what_is_missing() -> None:
    spec = CHARTS["30 bars"]
    broken = replace(spec, breaks=(Break(at=12, label="54 sessions missing"),))
    page = render_page(broken)
    assert "54 sessions missing" in [words.text for words in words_of(page)]
    (_, before), (panels, after) = lay_out(spec), lay_out(broken)
    (left,) = after.breaks
    assert after.left[11] + after.wick < left < left + after.break_width <= after.left[12]
    assert before.breaks == ()
    stripes = re.findall(rb"1.000 1.000 1.000 rg %d (\d+) 140 (\d+) re f" % (left * 10), page)
    assert [int(top) for top, _ in stripes] == [round(each.top * 10) for each in panels]


def test_many_breaks_leave_room_for_the_bars() -> None:
    spec = CHARTS["250 daily bars"]
    places = range(10, 240, 10)
    broken = replace(spec, breaks=tuple(Break(at=at, label="9 sessions missing") for at in places))
    _, slots = lay_out(broken)
    assert len(slots.breaks) * slots.break_width < 0.11 * WIDTH
    assert bool((np.diff(slots.left) >= 4).all())
    words = words_of(render_page(broken))
    assert sum(each.text == "9 sessions missing" for each in words) == len(places)


@every_chart
def test_up_and_down_are_explained_in_the_headline(spec: ChartSpec) -> None:
    said = [words for words in words_of(render_page(spec)) if words.text in {"up", "down"}]
    assert [words.text for words in said] == ["up", "down"]
    assert {words.bottom for words in said} == {26}


def test_legends_are_words_in_the_colour_of_text_beside_a_piece_of_their_line() -> None:
    look, page = LOOKS[CHART_STYLE], render_page(CHARTS["250 daily bars"])
    for panel in CHARTS["250 daily bars"].panels:
        for legend in (each for row in panel.legends for each in row):
            ((_, codes),) = pdf.runs(legend.text, pdf.BOLD)
            assert re.search(rf"BT {re.escape(TEXT)} rg /B [\d ./BTfm-]+<{codes}>".encode(), page)
    for ink, width in {Ink.AVERAGE_1: 14, Ink.AVERAGE_2: 22, Ink.AVERAGE_3: 30}.items():
        assert page.count(f"{look.inks[ink]} RG {width} w".encode()) == 2
    assert page.count(f"{look.band_dash}{look.inks[Ink.BAND]} RG 12 w".encode()) == 3


def test_a_trend_is_marked_where_its_direction_turns() -> None:
    spec = CHARTS["250 daily bars"]
    trend = next(each for each in spec.panels[0].series if each.name == "supertrend")
    assert trend.rising is not None
    turns = int(np.count_nonzero(trend.rising[1:] != trend.rising[:-1]))
    arrows = re.findall(rb"\d+ \d+ m \d+ \d+ l \d+ \d+ l h", render_page(spec))
    assert len(arrows) == turns > 2


# The fonts


@pytest.mark.parametrize("file_name", pdf.FONT_FILES.values())
def test_widths_and_glyphs_are_those_fonttools_reads(file_name: str) -> None:
    face = fonts.load_font(file_name)
    oracle = TTFont(BytesIO(face.file))
    names = oracle.getBestCmap()
    assert {ord(letter) for letter in face.glyphs} == set(names)
    em = oracle["head"].unitsPerEm
    for letter, glyph in face.glyphs.items():
        assert oracle.getGlyphID(names[ord(letter)]) == glyph
        assert face.widths[letter] == oracle["hmtx"][names[ord(letter)]][0] * 1000 / em


@pytest.mark.parametrize("name", [pdf.REGULAR, pdf.BOLD])
def test_the_fonts_have_every_sign_a_chart_writes(name: str) -> None:
    ours = "".join(map(chr, range(32, 127))) + "·–▲▼"  # noqa: RUF001 # the dash of ranges
    assert not pdf.font(name).lacking(ours)
    assert pdf.runs(ours, name) == [(name, fonts.load_font(pdf.FONT_FILES[name]).codes(ours))]


def test_both_fonts_have_the_same_letters_and_none_twice() -> None:
    regular, bold = pdf.font(pdf.REGULAR), pdf.font(pdf.BOLD)
    assert regular.widths.keys() == bold.widths.keys()
    for face in (regular, bold):
        assert not face.plain.glyphs.keys() & face.further.glyphs.keys()


SYMBOLS: Final = {
    "ÖBB": "ÖBB",
    "ČEZ": "ČEZ",
    "ΓΔΩ": "ΓΔΩ",
    "Сбербанк": "Сбербанк",
    "Ệ": "Ệ",
    "贵州茅台": "[U+8D35 U+5DDE U+8305 U+53F0]",
    "삼성A": "[U+C0BC U+C131]A",
    "ع": "[U+0639]",
    "A😀": "A[U+1F600]",
}


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_page_shows_the_letters_of_a_symbol_or_their_numbers(symbol: str) -> None:
    spec = chart_of(daily_bars(wave(30)), symbol=symbol)
    page = render_page(spec)
    assert words_of(page)[0].text == SYMBOLS[symbol]
    assert SYMBOLS[symbol] in text_in(page)
    lacking = [letter for letter in symbol if letter not in SYMBOLS[symbol]]
    assert escaped_letters(spec) == ("".join(lacking) or None)


def test_a_page_carries_further_letters_only_where_it_shows_some() -> None:
    plain, further = (
        render_page(chart_of(daily_bars(wave(30)), symbol=symbol)) for symbol in ("OBB", "ÖBB")
    )
    assert plain.count(b"/FontFile2") == 2
    assert further.count(b"/FontFile2") == 3


def test_letters_of_a_context_and_of_notes_are_counted_once() -> None:
    spec = chart_of(daily_bars(wave(30)), symbol="贵A")
    head = replace(spec.headline, context="州 贵")
    assert escaped_letters(replace(spec, headline=head, notes=("Ö 台",))) == "贵州台"


@pytest.mark.parametrize("file", [b"", b"not a font at all" * 20])
def test_a_file_that_is_no_font_is_refused(file: bytes) -> None:
    with pytest.raises(IntegrityFailure, match="not a TrueType font"):
        fonts.parse_font(file, name="broken")


def test_a_font_with_another_kind_of_character_map_is_refused() -> None:
    file = bytearray(pdf.font(pdf.REGULAR).plain.file)
    at = file.find(b"\x00\x03\x00\x0a\x00\x00\x00\x0c\x00\x0c")
    assert at > 0
    file[at + 9] = 4
    with pytest.raises(IntegrityFailure, match="format 12"):
        fonts.parse_font(bytes(file), name="other")


# The JPEG


@every_chart
def test_the_jpeg_is_1600_by_1200_in_full_colour_resolution(spec: ChartSpec) -> None:
    image = render_jpeg(render_page(spec))
    assert simplejpeg.decode_jpeg_header(image) == (1200, 1600, "YCbCr", "444")
    pixels = simplejpeg.decode_jpeg(image)
    assert (pixels == 255).mean() > 0.5
    assert (pixels < 100).mean() > 0.001


def test_the_jpeg_carries_no_metadata_that_could_vary() -> None:
    image = render_jpeg(render_page(CHARTS["30 bars"]))
    markers = {image[at + 1] for at in range(2, 700) if image[at] == 0xFF and image[at + 1]}
    assert markers.isdisjoint({0xE1, 0xED, 0xFE})


def test_red_is_red() -> None:
    falling = chart_of(daily_bars([200.0 - step for step in range(60)]), drawn=20)
    pixels = simplejpeg.decode_jpeg(render_jpeg(render_page(falling))).astype(int)
    body = pixels[40:500, 8:1500]
    red = (body[..., 0] > 180) & (body[..., 1] < 90) & (body[..., 2] < 110)
    blue = (body[..., 2] > 180) & (body[..., 1] < 90) & (body[..., 0] < 110)
    assert red.sum() > 20 * blue.sum()


@pytest.mark.parametrize("page", [b"", b"%PDF-1.7 and nothing more"])
def test_what_is_no_page_is_refused(page: bytes) -> None:
    with pytest.raises(InvalidInput, match="PDFium cannot read it") as error:
        render_jpeg(page)
    assert error.value.kind is ErrorKind.RENDER_FAILED


def test_a_page_of_another_size_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"expected \(800\.0, 600\.0\)"):
        render_jpeg(pdf.write_pdf("", width=612, height=792))


def test_threads_draw_the_same_bytes() -> None:
    pages = [render_page(CHARTS[name]) for name in ("250 daily bars", "30 bars", "levels")] * 4
    alone = [digest_bytes(render_jpeg(page)) for page in pages]
    with ThreadPoolExecutor(4) as threads:
        together = [digest_bytes(image) for image in threads.map(render_jpeg, pages)]
    assert together == alone


def test_another_process_in_another_place_draws_the_same_bytes() -> None:
    found = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        cwd=ROOT,
        env={**os.environ, **OUTSIDE},
        check=True,
        capture_output=True,
        text=True,
    )
    page = render_page(CHARTS["short history"])
    assert json.loads(found.stdout) == [digest_bytes(page), digest_bytes(render_jpeg(page))]


ELSEWHERE: Final = """
import json, sys
sys.path.insert(0, ".")
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.charts.chart import ChartHeader, derive_chart
from tapetrail.core.market.indicators import IndicatorSettings, derive_indicators
from tapetrail.render.jpeg import render_jpeg
from tapetrail.render.page import render_page
from tests.builders import daily_bars, wave
bars, settings = daily_bars(wave(196)), IndicatorSettings()
header = ChartHeader(
    symbol="AAPL", exchange="XNAS", currency=bars.currency, timeframe=bars.timeframe
)
values = derive_indicators(bars, settings, first_drawn=0)
page = render_page(derive_chart(bars, values, settings, header=header, first_drawn=0))
print(json.dumps([digest_bytes(page), digest_bytes(render_jpeg(page))]))
"""


def test_the_renderer_names_everything_its_bytes_depend_on() -> None:
    assert re.fullmatch(
        r"tapetrail-page/\d+ pypdfium2/[\d.]+ pdfium/\d+ simplejpeg/[\d.]+", RENDERER
    )
    assert jpeg.QUALITY == 90
