"""A chart spec as one interactive HTML file that needs nothing else: no network, no other file.

The file holds the drawing library, our script and style, and two blocks of data: the stored spec
document as it is, and the texts of `core.charts.legend`. A policy inside the file lets exactly
these scripts and this style run, by their digests, and forbids everything else. Symbols and notes
are text: escaped here, and the script never turns data into markup.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template
from typing import Final

from tapetrail.core.canonical import digest_bytes
from tapetrail.core.charts.legend import ChartLegend, Reading, derive_legend
from tapetrail.core.charts.panels import PANEL_KINDS
from tapetrail.core.charts.spec import UNFINISHED, ChartSpec, Legend, Panel
from tapetrail.core.charts.text import spec_text
from tapetrail.render.escaping import escaped

LIBRARY_VERSION: Final = "5.2.1"
HTML_RENDERER: Final = f"tapetrail-html/2 lightweight-charts/{LIBRARY_VERSION}"
"""What made the bytes: they are equal for equal specs and these versions."""

LIBRARY: Final = "lightweight-charts/lightweight-charts.standalone.production.js"
SCRIPTS: Final = ("chart_values.js", "chart_bars.js", "chart_panels.js", "chart.js")
"""Our script, in parts that share one scope of their own."""

POLICY: Final = (
    "default-src 'none'; script-src {scripts}; style-src {styles};"
    " img-src data:; base-uri 'none'; form-action 'none'"
)

# Inside a script element only these could end it or open another one; JSON allows them nowhere
# but in strings, where an escape means the same letter.
_ESCAPES: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Assets:
    """The parts of the file that are the same for every chart."""

    template: Template
    policy: str
    style: str
    library: str
    script: str


def render_html(spec: ChartSpec) -> bytes:
    """Return the chart as one HTML file, UTF-8: the same bytes for the same spec.

    Raises `InvalidInput` where a panel's legends are not those of its series.
    """
    assets, head = _assets(), spec.headline
    page = assets.template.substitute(
        policy=assets.policy,
        style=assets.style,
        library=assets.library,
        script=assets.script,
        title=escaped(f"{head.symbol} {head.timeframe} {spec.days[-1]}"),
        symbol=escaped(head.symbol),
        timeframe=escaped(head.timeframe),
        facts=escaped(_kept_together(head.facts)),
        change="" if head.change is None else escaped(head.change.text),
        way="" if head.change is None else _legend_class(head.change),
        context=escaped(head.context),
        caption=escaped(_caption(spec)),
        legends="\n".join(map(_legends, spec.panels)),
        notes="\n".join(f"<li>{escaped(note)}</li>" for note in spec.notes),
        spec=_embedded(spec_text(spec).decode("ascii")),
        readings=_embedded(_readings_text(derive_legend(spec))),
    )
    return page.encode("utf-8")


@cache
def _assets() -> _Assets:
    style, library = _asset("chart.css"), _asset(LIBRARY)
    script = "".join(["(() => {\n'use strict';\n", *map(_asset, SCRIPTS), "})();\n"])
    scripts = f"{_allowed(library)} {_allowed(script)}"
    return _Assets(
        template=Template(_asset("chart.html")),
        policy=POLICY.format(scripts=scripts, styles=_allowed(style)),
        style=style,
        library=library,
        script=script,
    )


def _asset(name: str) -> str:
    return (files("tapetrail.render") / "assets" / name).read_bytes().decode("utf-8")


def _allowed(text: str) -> str:
    """Return the policy's word for exactly this text: its SHA-256 in base 64."""
    digest = bytes.fromhex(digest_bytes(text.encode("utf-8")).removeprefix("sha256:"))
    return f"'sha256-{b64encode(digest).decode('ascii')}'"


def _kept_together(facts: str) -> str:
    """Return the facts so that a narrow page never parts a price from its name."""
    return re.sub(r"(?<! ) (?! )", "\u00a0", facts)


def _embedded(document: str) -> str:
    """Return ASCII JSON that cannot end the element it stands in; it reads back the same."""
    return document.translate(_ESCAPES)


def _caption(spec: ChartSpec) -> str:
    count = "1 bar" if len(spec) == 1 else f"{len(spec)} bars"
    names = ", ".join(PANEL_KINDS[panel.kind].title for panel in spec.panels)
    head = spec.headline
    said = f"{head.symbol} {head.timeframe}, {count} until {spec.days[-1]}. Panels: {names}."
    gaps = [f"{each.label} before {spec.days[each.at]}" for each in spec.breaks]
    return " ".join([said, *([f"Breaks: {', '.join(gaps)}."] if gaps else [])])


def _legends(panel: Panel) -> str:
    shown = "".join(_legend(legend) for row in panel.legends for legend in row)
    return f'<p class="legends" data-panel="{panel.kind}">{shown}</p>'


def _legend(legend: Legend) -> str:
    return f'<span class="{_legend_class(legend)}">{escaped(legend.text)}</span>'


def _legend_class(legend: Legend) -> str:
    return f"legend ink-{legend.ink}"


def _readings_text(readings: ChartLegend) -> str:
    """Return the texts as JSON, ASCII: the headline's columns, then each panel's legends."""
    document = {
        "unfinished": UNFINISHED,
        "decimals": readings.decimals,
        "opens": readings.opens,
        "highs": readings.highs,
        "lows": readings.lows,
        "closes": readings.closes,
        "changes": readings.changes,
        "panels": [list(_panel(panel)) for panel in readings.panels],
    }
    return json.dumps(document, separators=(",", ":"))


def _panel(readings: tuple[Reading, ...]) -> Iterator[dict[str, str | tuple[str, ...] | list[int]]]:
    for each in readings:
        member: dict[str, str | tuple[str, ...] | list[int]] = {
            "label": each.label,
            "ink": each.ink,
            "texts": each.texts,
        }
        if each.rising is not None:
            member["rising"] = [int(up) for up in each.rising.tolist()]
        yield member
