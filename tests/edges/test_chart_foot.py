"""A chart that leaves the record says what it is: in a foot, and in the file's information."""

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Final

import pypdfium2
import pytest
from tests.builders import daily_bars, wave
from tests.chart_builders import chart_of
from tests.html_charts import CHARTS, HOSTILE
from tests.page_words import words_of

from tapetrail.core.canonical import digest_bytes
from tapetrail.core.charts.origin import Origin
from tapetrail.core.charts.spec import ChartSpec
from tapetrail.render.foot import with_foot
from tapetrail.render.html import render_html
from tapetrail.render.jpeg import render_jpeg
from tapetrail.render.look import HEIGHT, WIDTH
from tapetrail.render.page import print_page, render_page

SPEC: Final[ChartSpec] = chart_of(daily_bars(wave(300)), drawn=60)
DIGESTS: Final = {
    name: digest_bytes(name.encode()) for name in ("Image", "Page", "Drawn values", "Bars")
}
ORIGIN: Final = Origin(
    chart=3,
    decision=2,
    provenance="live",
    instrument="AAPL XNAS USD conid 265598",
    timeframe="1d",
    as_of=datetime(2026, 11, 20, 21, tzinfo=UTC),
    source="vendor, adjustment split",
    digests=DIGESTS,
    seal=digest_bytes(b"seal"),
    recorded_at=datetime(2026, 11, 21, 6, 30, tzinfo=UTC),
    renderer="tapetrail-page/2",
)
SAID: Final = (
    "2 (live), chart 3",
    "AAPL XNAS USD conid 265598",
    "2026-11-20T21:00:00.000000Z",
    "vendor, adjustment split",
    *DIGESTS.values(),
    digest_bytes(b"seal"),
    "2026-11-21T06:30:00.000000Z",
    "tapetrail-page/2",
)


class Metas(HTMLParser):
    """The named metas of a page and the text of its second foot, as a browser reads them."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.metas: dict[str, str] = {}
        self.foot = ""
        self.tags: list[str] = []
        self.feed(page.decode("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append(f"{tag} {found.get('id', '')}".strip())
        if tag == "meta" and "name" in found:
            self.metas[found["name"]] = found["content"]

    def handle_data(self, data: str) -> None:
        if "footer origin" in self.tags:
            self.foot += data


def information(page: bytes) -> dict[str, str]:
    document = pypdfium2.PdfDocument(page)
    found = document.get_metadata_dict()
    document.close()
    return found


def test_a_saved_page_is_the_recorded_one_and_then_its_foot() -> None:
    recorded = render_html(SPEC)
    saved = with_foot(recorded, ORIGIN, digest=digest_bytes(recorded))
    assert saved[: len(recorded)] == recorded
    read = Metas(saved)
    assert read.metas["author"] == "TapeTrail"
    assert read.metas["description"] == ORIGIN.title
    assert f"The first {len(recorded)} bytes of this file" in read.foot
    assert digest_bytes(recorded) in read.foot
    for text in SAID:
        assert text in read.foot, text
        assert text in read.metas["subject"], text


def test_a_hostile_symbol_in_a_foot_is_text() -> None:
    saved = with_foot(b"", replace(ORIGIN, instrument=HOSTILE), digest=digest_bytes(b""))
    read = Metas(saved)
    assert HOSTILE in read.foot
    assert {"script", "img"}.isdisjoint(read.tags)


def test_a_print_says_what_it_is_below_the_chart_and_in_its_information() -> None:
    page = print_page(SPEC, origin=ORIGIN)
    words = [each for each in words_of(page) if each.top > HEIGHT - 1]
    said = " ".join(each.text for each in words)
    found = information(page)
    for text in SAID:
        assert text in said, text
        assert text in found["Subject"], text
    assert (found["Title"], found["Author"]) == (ORIGIN.title, "TapeTrail")
    assert max(each.right for each in words) <= WIDTH
    document = pypdfium2.PdfDocument(page)
    assert 2 * document[0].get_size()[1] >= max(each.bottom for each in words)
    document.close()


def test_the_chart_of_a_print_is_as_it_is_without_a_foot() -> None:
    bare, page = render_page(SPEC), print_page(SPEC, origin=ORIGIN)
    kept = [each for each in words_of(page) if each.bottom <= HEIGHT]
    assert kept == words_of(bare)


def test_what_analysts_are_shown_says_nothing_of_itself() -> None:
    page = render_page(SPEC)
    assert not any(information(page).values())
    assert b"/Info" not in page
    assert digest_bytes(b"seal").encode() not in render_jpeg(page)


def test_letters_that_no_font_has_are_in_the_information_as_they_are() -> None:
    page = print_page(SPEC, origin=replace(ORIGIN, instrument="株\U0001f600 (x"))
    assert information(page)["Title"].startswith("株\U0001f600 (x, 1d")


def test_a_decision_that_has_not_ended_has_no_seal_and_that_is_said() -> None:
    facts = dict(replace(ORIGIN, seal=None).facts)
    assert facts["Seal"] == "none yet: the decision has not ended"


@pytest.mark.parametrize("name", ["hostile symbol", "partial week", "levels"])
def test_a_foot_of_any_length_stays_on_the_page(name: str) -> None:
    origin = replace(ORIGIN, instrument="W" * 90 + " " + HOSTILE * 4)
    page = print_page(CHARTS[name], origin=origin)
    assert all(each.right <= WIDTH for each in words_of(page))
