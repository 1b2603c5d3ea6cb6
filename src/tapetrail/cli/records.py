"""`tapetrail executions|decisions|charts|analyses|signals list|show`, and `charts save`."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from tapetrail.cli.output import cell as cell_of
from tapetrail.cli.output import note, print_columns, print_json, print_page, print_table, say
from tapetrail.cli.session import opened
from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.wire import Detail, Filters, Resource, detail_document

COLUMNS: Final = {
    Resource.EXECUTIONS: (
        "id", "strategy", "strategy_version", "provenance", "as_of", "status",
        "decisions", "signals", "failed",
    ),
    Resource.DECISIONS: (
        "id", "execution_id", "symbol", "as_of", "run_no", "status", "signal_type", "confidence",
        "entry_price", "stop_loss", "target_price", "risk_reward_ratio", "error_kind",
    ),
    Resource.CHARTS: (
        "id", "execution_id", "symbol", "timeframe", "start_date", "end_date", "data_points",
        "price_current", "price_change_pct", "status",
    ),
    Resource.ANALYSES: (
        "id", "execution_id", "decision_id", "chart_id", "symbol", "timeframe", "kind", "status",
        "trend_direction", "confidence_score", "latency_ms", "analyst",
    ),
    Resource.SIGNALS: (
        "id", "execution_id", "decision_id", "symbol", "signal_type", "confidence", "entry_price",
        "stop_loss", "target_price", "risk_reward_ratio", "decided_at",
    ),
}  # fmt: skip
RELATED: Final = {
    "decisions": ("id", "symbol", "as_of", "status", "failed_stage", "error_kind", "error_message"),
    "events": ("at", "from_status", "to_status", "actor", "reason"),
    "snapshots": (
        "id", "timeframe", "source", "adjustment", "session_first", "session_last", "bar_count",
        "bars_digest",
    ),
    "charts": ("id", "timeframe", "start_date", "end_date", "data_points", "price_current"),
    "analyses": ("id", "question", "analyst", "status", "trend_direction", "confidence_score"),
    "signals": (
        "id", "signal_type", "confidence", "entry_price", "stop_loss", "target_price",
        "risk_reward_ratio",
    ),
    "seals": ("seal_digest", "sealed_at"),
}  # fmt: skip


def show_list(
    resource: Resource, *, filters: Filters, limit: int, cursor: str | None, as_json: bool
) -> int:
    """Print one page of a list."""
    with opened() as recorder:
        page = recorder.page(resource, filters=filters, limit=limit, cursor=cursor)
    print_page(page, columns=COLUMNS[resource], as_json=as_json)
    return 0


def show_one(resource: Resource, number: int, *, as_json: bool) -> int:
    """Print one row whole, with what hangs on it."""
    with opened() as recorder:
        detail = recorder.detail(resource, number)
    if as_json:
        print_json(detail_document(detail))
    else:
        _print_detail(detail)
    return 0


def save_chart(number: int, *, path: Path) -> int:
    """Write a chart's image to `path`, whole or not at all."""
    if path.is_dir():
        raise InvalidInput(f"--output {str(path)!r}: a folder, expected a file")
    if not path.parent.is_dir():
        raise InvalidInput(f"--output {str(path)!r}: there is no folder {str(path.parent)!r}")
    with opened() as recorder:
        image = recorder.chart_image(number)
    try:
        with NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(image)
        Path(file.name).chmod(0o644)
        os.replace(file.name, path)  # noqa: PTH105 # Path.replace says the same
    except OSError as error:
        raise EdgeFailure(f"could not write {str(path)!r}; {error.strerror}") from error
    note(f"saved {path} ({len(image)} bytes)")
    return 0


def _print_detail(detail: Detail) -> None:
    print_columns(detail.columns)
    for name, rows in detail.related.items():
        say("")
        if not rows:
            say(f"{name}: none")
            continue
        say(f"{name}:")
        columns = RELATED[name]
        print_table(columns, [[cell_of(row[column]) for column in columns] for row in rows])
