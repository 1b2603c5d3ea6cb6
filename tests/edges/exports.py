"""The same daily bars as vendors, brokers and spreadsheets export them, each in its own spelling.

Nothing here uses the code under test. Days are all of two months, as a market that never closes has
them; prices have two decimals and pass a thousand, volumes are round enough for `1.23M`.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from openpyxl import Workbook

FIRST: Final = date(2024, 12, 1)
DAYS: Final = 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One bar as decimals; a volume may be missing."""

    day: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int

    @property
    def prices(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        return self.open, self.high, self.low, self.close


def rows() -> list[Row]:
    """Return the bars, oldest first; prices go from below a thousand to above it."""
    made: list[Row] = []
    for at in range(DAYS):
        close = Decimal(97000 + 137 * at) / 100
        opened = close - Decimal(at % 5) / 4
        made.append(
            Row(
                day=FIRST + timedelta(days=at),
                open=opened,
                high=close + Decimal("1.25"),
                low=opened - Decimal("2.5"),
                close=close,
                volume=1_230_000 + 10_000 * at,
            )
        )
    return made


def plain(number: Decimal) -> str:
    return f"{number:.2f}"


def english(number: Decimal) -> str:
    return f"{number:,.2f}"


def german(number: Decimal) -> str:
    return english(number).translate(str.maketrans(",.", ".,"))


def quoted(cells: Sequence[str], *, separator: str = ",") -> str:
    return separator.join(f'"{cell}"' for cell in cells)


def text(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def lines(header: str, row: Callable[[Row], Sequence[str]], bars: Sequence[Row]) -> bytes:
    return text([header, *(",".join(row(bar)) for bar in bars)])


def investing(bars: Sequence[Row], number: Callable[[Decimal], str] = english) -> bytes:
    """Newest first, everything in quotes, the close called Price and the volume in millions."""
    names = ["Date", "Price", "Open", "High", "Low", "Vol.", "Change %"]
    made = [
        quoted(
            [
                f"{bar.day:%m/%d/%Y}",
                *map(number, (bar.close, bar.open, bar.high, bar.low)),
                f"{number(Decimal(bar.volume) / 10**6)}M",
                f"{number(Decimal('0.14'))}%",
            ]
        )
        for bar in reversed(bars)
    ]
    return b"\xef\xbb\xbf" + text([quoted(names), *made])


def investing_eu(bars: Sequence[Row]) -> bytes:
    return investing(bars, german)


def investing_de(bars: Sequence[Row]) -> bytes:
    names = ["Datum", "Zuletzt", "Eröffn.", "Hoch", "Tief", "Vol.", "+/- %"]
    made = [
        quoted(
            [
                f"{bar.day:%d.%m.%Y}",
                *map(german, (bar.close, bar.open, bar.high, bar.low)),
                f"{german(Decimal(bar.volume) / 10**6)}M",
                "0,14%",
            ]
        )
        for bar in reversed(bars)
    ]
    return text([quoted(names), *made])


def stooq(bars: Sequence[Row]) -> bytes:
    return lines(
        "Date,Open,High,Low,Close,Volume",
        lambda bar: [str(bar.day), *map(plain, bar.prices), str(bar.volume)],
        bars,
    ).replace(b"\n", b"\r\n")


def stooq_bulk(bars: Sequence[Row]) -> bytes:
    return lines(
        "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
        lambda bar: [
            "ACME.US", "D", f"{bar.day:%Y%m%d}", "000000", *map(plain, bar.prices),
            str(bar.volume), "0",
        ],
        bars,
    )  # fmt: skip


def tws(bars: Sequence[Row]) -> bytes:
    return lines(
        "date,open,high,low,close,volume,average,barCount",
        lambda bar: [
            f"{bar.day:%Y%m%d} 00:00:00", *map(plain, bar.prices), str(bar.volume), "1.5", "7",
        ],
        bars,
    )  # fmt: skip


def milliseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def kline(bar: Row, *, factor: int = 1) -> list[int | str]:
    """Return the twelve values of one bar, times in milliseconds or in parts of them."""
    opened = milliseconds(bar.day) * factor
    prices = [f"{price:.8f}" for price in bar.prices]
    return [
        opened, *prices, f"{bar.volume:.8f}", opened + 86_400_000 * factor - 1,
        "1234.50000000", 77, "5.00000000", "6.00000000", "0",
    ]  # fmt: skip


def binance_reply(bars: Sequence[Row]) -> bytes:
    return json.dumps([kline(bar) for bar in bars]).encode()


def binance_months(bars: Sequence[Row]) -> bytes:
    """Monthly files one behind the other: no line of names, microseconds since 2025."""
    since = date(2025, 1, 1)
    made = [kline(bar, factor=1000 if bar.day >= since else 1) for bar in bars]
    return text([",".join(map(str, row)) for row in made])


def binance_futures(bars: Sequence[Row]) -> bytes:
    names = (
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
        "taker_buy_quote_volume,ignore"
    )
    return text([names, *(",".join(map(str, kline(bar))) for bar in bars)])


def american(bars: Sequence[Row]) -> bytes:
    return lines(
        "Date,Open,High,Low,Close,Adj Close,Volume",
        lambda bar: [
            f"{bar.day.month}/{bar.day.day}/{bar.day.year}", *map(plain, bar.prices), "1.00",
            str(bar.volume),
        ],
        bars,
    )  # fmt: skip


def british(bars: Sequence[Row]) -> bytes:
    return lines(
        "Date,Open,High,Low,Close,Volume",
        lambda bar: [f"{bar.day:%d/%m/%Y}", *map(plain, bar.prices), str(bar.volume)],
        bars,
    )


def headerless(bars: Sequence[Row]) -> bytes:
    made = [
        ",".join([f"{bar.day:%b %d, %Y}".join('""'), *map(plain, bar.prices), str(bar.volume)])
        for bar in bars
    ]
    return text(made)


def report(bars: Sequence[Row]) -> bytes:
    """A broker's report: two lines about it, then the names; the year has two digits."""
    made = [
        ";".join([f"{bar.day:%d.%m.%y}", *map(plain, bar.prices), str(bar.volume)]) for bar in bars
    ]
    return text(["Report of prices", "ACME;USD", "Date;Open;High;Low;Close;Volume", *made])


def workbook(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """Return a workbook of these sheets."""
    book, content = Workbook(), io.BytesIO()
    for at, (title, cells) in enumerate(sheets.items()):
        sheet = book.worksheets[0] if at == 0 else book.create_sheet(title)
        sheet.title = title
        for row in cells:
            sheet.append(row)
    book.save(content)
    return content.getvalue()


def sheet_of(bars: Sequence[Row]) -> list[list[object]]:
    names: list[object] = ["Date", "Open", "High", "Low", "Close", "Volume"]
    return [
        names,
        *(
            [datetime(b.day.year, b.day.month, b.day.day), *map(float, b.prices), b.volume]  # noqa: DTZ001 # as a spreadsheet has dates
            for b in bars
        ),
    ]


def xlsx(bars: Sequence[Row]) -> bytes:
    return workbook({"Prices": sheet_of(bars)})


def xlsx_second_sheet(bars: Sequence[Row]) -> bytes:
    return workbook({"About": [["Exported by", "somebody"]], "Prices": sheet_of(bars)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A plain export, and the lines of `data` that it needs: at most one."""

    name: str
    made: Callable[[Sequence[Row]], bytes]
    data: Mapping[str, object] = field(default_factory=dict[str, object])
    suffix: str = "csv"


EXPORTS: Final = (
    Export(name="investing", made=investing),
    Export(name="investing-eu", made=investing_eu, data={"decimal": ","}),
    Export(name="stooq", made=stooq),
    Export(
        name="stooq-bulk", made=stooq_bulk, data={"symbol_map": {"ACME": "ACME.US"}}, suffix="txt"
    ),
    Export(name="tws", made=tws),
    Export(name="binance-reply", made=binance_reply, suffix="json"),
    Export(name="binance-months", made=binance_months),
    Export(name="binance-futures", made=binance_futures),
    Export(name="american", made=american),
    Export(name="british", made=british),
    Export(name="xlsx", made=xlsx, suffix="xlsx"),
    Export(name="second-sheet", made=xlsx_second_sheet, data={"sheet": "Prices"}, suffix="xlsx"),
)
"""What needs no more than one line."""
MAPPED: Final = (
    Export(
        name="investing-de",
        made=investing_de,
        data={
            "columns": {
                "time": "Datum", "close": "Zuletzt", "open": "Eröffn.", "high": "Hoch",
                "low": "Tief",
            },
            "decimal": ",",
        },
    ),
    Export(
        name="headerless",
        made=headerless,
        data={
            "header": "none",
            "columns": {"time": 1, "open": 2, "high": 3, "low": 4, "close": 5, "volume": 6},
        },
    ),
    Export(name="report", made=report, data={"header": 3, "date_format": "%d.%m.%y"}),
)  # fmt: skip
"""What needs more."""
