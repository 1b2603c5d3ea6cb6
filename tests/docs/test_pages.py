"""What holds for every page without a server: links lead somewhere, blocks say what they are."""

import re
from pathlib import Path
from typing import Final

import pytest
import yaml
from tests.docs.pages import (
    DOCS,
    OTHERS,
    ROOT,
    RUN,
    SHOWN,
    is_shown,
    read_anchors,
    read_blocks,
    read_links,
    read_page,
)
from tests.docs.test_examples import PAGES

from tapetrail.core.strategy.data_parts import DataSpec
from tapetrail.sources.registry import KINDS

ALL: Final = sorted(
    [*ROOT.glob("*.md"), *(path for path in DOCS.rglob("*.md") if "decisions" not in path.parts)]
)
STRATEGY_PAGE: Final = DOCS / "strategy-files.md"


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", ALL, ids=named)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for file, anchor in read_links(page):
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{named(page)}: {file}"
        if anchor and target.suffix == ".md":
            assert anchor in read_anchors(target), f"{named(page)}: {file}#{anchor}"


def test_every_page_of_the_documentation_is_linked_from_another() -> None:
    linked = {
        (page.parent / file).resolve() for page in ALL for file, _ in read_links(page) if file
    }
    alone = [named(page) for page in ALL if page.is_relative_to(DOCS) and page not in linked]
    assert alone == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_block_that_is_not_run_says_why(page: Path) -> None:
    for block in read_blocks(page):
        assert block.language in {*RUN, SHOWN, *OTHERS}, f"{block.place}: {block.language}"
        assert block.has_known_marks, f"{block.place}: {block.marks}"
        assert block.language != SHOWN, f"{block.place}: shows what no block prints"
        assert block.shown is None or block.is_run, f"{block.place}: its output is not checked"


@pytest.mark.parametrize(
    ("expected", "printed", "is_it"),
    [
        ("a\nb\n", "a  \nb", True),
        ("a ... c", "a b\nb c", True),
        ("a\n", "a\nb\n", False),
        ("a.c", "abc", False),
    ],
)
def test_what_a_page_shows_is_what_is_printed(*, expected: str, printed: str, is_it: bool) -> None:
    assert is_shown(expected, printed) is is_it


def test_the_page_of_strategy_files_names_every_key_of_data_and_its_default() -> None:
    section = read_page(STRATEGY_PAGE).split("\n## Bars of your own\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `?([^|`]+)`? \| `data\.(\w+)` \|", section, re.MULTILINE)
    documented = {key: default for default, key in rows}
    assert documented.keys() == DataSpec.model_fields.keys()
    for name, field in DataSpec.model_fields.items():
        if field.is_required():
            assert documented[name] == "required"
        else:
            assert yaml.safe_load(documented[name]) == field.default, name


def test_the_page_of_strategy_files_says_of_every_source_what_its_registry_says() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", read_page(STRATEGY_PAGE), re.MULTILINE)
    assert {(kind.written, kind.summary) for kind in KINDS} <= set(rows)


def test_the_image_of_the_front_page_is_one_that_we_draw() -> None:
    images = [file for file, _ in read_links(ROOT / "README.md") if file.endswith(".jpg")]
    assert images
    assert all(file.startswith("docs/gallery/") for file in images)
