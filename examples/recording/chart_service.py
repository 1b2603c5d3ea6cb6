"""Any program saves charts and finds them again by `ChartPersistenceService`.

python chart_service.py
"""

import zlib

import tapetrail

PNG = b"\x89PNG\r\n\x1a\n" + zlib.compress(b"a drawing of your own")


def main() -> None:
    """Save a chart of two timeframes, and list what there is of the symbol."""
    with tapetrail.recorder(agent="charts") as recorder:
        with recorder.execution("charts").decision("AAPL") as decision:
            recorder.charts.save_chart(PNG, timeframe="1d", indicators={"SMA": [20, 50]})
            recorder.charts.save_chart(PNG + b"weeks", timeframe="1w")
            decision.abstain("only a drawing")
        for chart in recorder.charts.get_charts_by_symbol("AAPL", limit=2):
            print(chart["symbol"], chart["timeframe"], chart["status"])


if __name__ == "__main__":
    main()
