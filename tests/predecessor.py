"""A database of the predecessor, by its own tables, with the faults that it is known for."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.sql import SQL, Identifier, Placeholder

STARTED: Final = datetime(2025, 10, 29, 12, 0)  # noqa: DTZ001 # without a zone, as it wrote them
JPEG: Final = b"\xff\xd8\xff\xe0" + b"a drawing of candles" * 20
PAGE: Final = b"<html>a chart</html>"
BUCKET: Final = "trading-charts"
TABLES: Final = """
CREATE TABLE strategies (id serial PRIMARY KEY, name varchar(255) NOT NULL, param json);
CREATE TABLE workflows (id serial PRIMARY KEY, name varchar(255) NOT NULL UNIQUE);
CREATE TABLE workflow_executions (
    id serial PRIMARY KEY, workflow_id integer REFERENCES workflows, strategy_id integer
    REFERENCES strategies, status varchar(20) NOT NULL DEFAULT 'pending', run_type varchar(20),
    started_at timestamptz DEFAULT now(), completed_at timestamptz, result json, error text);
CREATE TABLE charts (
    id serial PRIMARY KEY, execution_id integer REFERENCES workflow_executions,
    symbol varchar(20) NOT NULL, conid integer, timeframe varchar(10) NOT NULL,
    chart_type varchar(20) NOT NULL, chart_url_jpeg varchar(500) NOT NULL,
    chart_url_html varchar(500), minio_bucket varchar(100), minio_object_key varchar(500),
    indicators_applied json, data_points integer, start_date timestamp, end_date timestamp,
    price_current numeric(12, 2), price_change_pct numeric(8, 4), volume_avg bigint,
    generated_at timestamp NOT NULL, status varchar(20) NOT NULL DEFAULT 'active');
CREATE TABLE llm_analyses (
    id serial PRIMARY KEY, execution_id integer REFERENCES workflow_executions,
    chart_id integer REFERENCES charts, strategy_id integer REFERENCES strategies,
    symbol varchar(20) NOT NULL, prompt_text text NOT NULL, prompt_template_id integer,
    model_name varchar(100), provider varchar(20), timeframe varchar(10),
    indicators_metadata json, response_text text,
    response_json json, confidence_score numeric(5, 4), trend_direction varchar(20),
    support_levels json, resistance_levels json, key_patterns json, tokens_used integer,
    latency_ms integer, analyzed_at timestamp NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'completed', error_message text);
CREATE TABLE trading_signals (
    id serial PRIMARY KEY, symbol varchar(50) NOT NULL, strategy_id integer REFERENCES strategies,
    signal_type varchar(20) NOT NULL, trend varchar(20), confidence float, reasoning text,
    timeframe_primary varchar(10) NOT NULL DEFAULT '1d', timeframe_confirmation varchar(10),
    entry_price_low float, entry_price float, stop_loss float, target_price float,
    generated_at timestamptz NOT NULL, status varchar(20) NOT NULL DEFAULT 'active',
    profit_loss numeric(18, 4), execution_id integer REFERENCES workflow_executions,
    chart_id integer REFERENCES charts, llm_analysis_id integer REFERENCES llm_analyses,
    strategy_metadata jsonb);
CREATE TABLE market_data_cache (
    id serial PRIMARY KEY, symbol varchar(20) NOT NULL, exchange varchar(20) NOT NULL
    DEFAULT 'NASDAQ', conid integer, data_type varchar(20) NOT NULL DEFAULT 'daily',
    timeframe varchar(10), ohlcv_data json NOT NULL, source varchar(20) NOT NULL DEFAULT 'IBKR',
    cached_at timestamptz NOT NULL, expires_at timestamptz, is_active boolean DEFAULT true);
CREATE TABLE orders (id serial PRIMARY KEY, symbol varchar(20));
"""
ODD: Final = r"""
CREATE TABLE workflow_executions (
    id text, status text, started_at timestamptz, completed_at timestamptz, error text,
    result json);
CREATE TABLE charts (
    id serial, execution_id text, symbol text, conid numeric, timeframe text, chart_url_jpeg text,
    start_date timestamp, end_date timestamp, price_current numeric, volume_avg float8,
    data_points float8, indicators_applied text, generated_at timestamp);
CREATE TABLE llm_analyses (
    id serial, execution_id text, chart_id text, symbol text, prompt_text text, response_text text,
    response_json text, model_name text, provider text, confidence_score float8,
    support_levels text, cost_usd float8, tokens_used numeric, latency_ms float8, status text,
    analyzed_at timestamp);
CREATE TABLE trading_signals (
    id serial, execution_id text, symbol text, signal_type text, confidence float8,
    entry_price numeric, stop_loss float8, target_price float8, reasoning text,
    strategy_metadata jsonb, generated_at timestamptz, timeframe_primary text,
    llm_analysis_id text, trend text);
CREATE TABLE market_data_cache (id serial, symbol text, timeframe text, data jsonb,
    cached_at timestamptz);
INSERT INTO workflow_executions VALUES
    ('it''s "1"', NULL, '0044-03-15 BC', '2020-01-01', E'bell \x07', '{"a": 1e400, "": "é"}'),
    ('2', 'completed', '9999-12-31 23:59:59+00', 'infinity', NULL, '[1, 2]'),
    ('3', 'completed', '2025-01-02', '2025-01-01', NULL, '"text"'),
    ('4', 'cancelled', '1969-01-01', NULL, 'stop', NULL);
INSERT INTO charts (execution_id, symbol, conid, timeframe, chart_url_jpeg, start_date, end_date,
    price_current, volume_avg, data_points, indicators_applied, generated_at) VALUES
    ('3', 'A', 1e30, '1Y', 'data:image/gif;base64,R0lGODlhAA==', '2025-02-01', '2025-01-01', -1,
     'NaN', 1e20, 'not json', '2025-01-02'),
    ('3', 'A', 2.5, NULL, 'data:image/gif;base64,R0lGODlhAA==', 'infinity', NULL, 'NaN',
     'Infinity', 0, '{"a": NaN}', '2025-01-02'),
    ('3', E'X\nY', NULL, NULL, 'x', NULL, NULL, NULL, NULL, NULL, NULL, '2025-01-02'),
    ('3', repeat('é', 200), NULL, '1d', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2025-01-02'),
    ('3', 'ß', NULL, '1d', '../../etc/passwd', NULL, NULL, NULL, NULL, NULL, NULL, '2025-01-02');
INSERT INTO llm_analyses (execution_id, chart_id, symbol, prompt_text, response_text,
    response_json, model_name, provider, confidence_score, support_levels, cost_usd, tokens_used,
    latency_ms, status, analyzed_at) VALUES
    ('3', '1', 'A', repeat('p', 3000000), 'r', '{"x": NaN, "y": 12345678901234567890123}',
     repeat('m', 5000), E'a\tb', 'NaN', '[1, "NaN", 1e999]', -1, 1e20, 'Infinity', 'completed',
     '2025-01-02'),
    ('3', '1', 'A', '', '', '', '', '', 0.5, '', 'NaN', 5, 5.5, '', '2025-01-02'),
    ('3', '2', 'A', 'p', 'r', '{"a":1}', 'm', 'p', 1, '{}', 1e-9, 5.0, 5, 'DONE', '2025-01-02'),
    ('3', '2', 'A', 'p', 'r', '{"a":1}', 'm', 'p', 1, '{}', 1e-9, 5.0, 5, 'DONE', '2025-01-02');
INSERT INTO trading_signals (execution_id, symbol, signal_type, confidence, entry_price, stop_loss,
    target_price, reasoning, strategy_metadata, generated_at, timeframe_primary, llm_analysis_id,
    trend) VALUES
    ('3', 'A', 'BUY', 1e-300, ('1' || repeat('0', 1000))::numeric, 1e-300, 1e300, 'x',
     '{"a": 1e500}', 'infinity', '', '3', repeat('t', 300)),
    ('3', 'A', 'SELL', 1.0000001, 0.1, 0.1, 0.1, NULL, '[]', '2025-01-03', '0d', NULL, E'\n'),
    ('3', 'A', 'BUY', 1, 5, 5, 5, '', 'null', '2025-01-03', '1d', NULL, 'up'),
    ('4', 'A', 'HOLD', 0, 5, NULL, NULL, '', '3', '1960-01-03', '1d', NULL, 'up'),
    (E'it''s "1"', 'A', 'HOLD', 0, 5, NULL, NULL, '', '3', '2025-01-03', '1d', NULL, 'up');
ALTER TABLE trading_signals ALTER COLUMN id DROP NOT NULL;
INSERT INTO trading_signals (id, execution_id, symbol, signal_type, generated_at) VALUES
    (NULL, '3', 'A', 'BUY', '2025-01-03');
INSERT INTO market_data_cache (symbol, timeframe, data, cached_at) VALUES
    ('A', '1d', 'null', '2025-01-01'), ('A', '1d', '[]', '2025-01-01'),
    ('A', '1d', '{"A": 1}', '2025-01-01'), ('A', '1d', '"text"', '2025-01-01'),
    ('A', '1d', '[1, [2], {"date": 3}]', '2025-01-01'),
    ('A', '1d', '[{"date": "2025-01-01", "open": 1e400, "high": 1, "low": 1, "close": 1}]',
     '2025-01-01'),
    ('A', '1d', '[{"date": "2025-01-01", "open": -1, "high": -1, "low": -2, "close": -1.5,
      "volume": 1}]', '2025-01-01'),
    ('A', '1d', '[[1735689600000, 1, 2, 0.5, 1, 10], [1735776000000, 1, 2, 0.5, 1, 10]]',
     '2025-01-01'),
    ('A', '1d', '[]', 'infinity');
"""
ORDER: Final = (
    "strategies", "workflows", "workflow_executions", "charts", "llm_analyses", "trading_signals",
    "market_data_cache", "orders",
)  # fmt: skip
Columns = dict[str, Any]


@dataclass(slots=True)
class Story:
    """What the predecessor did, table by table; ids are counted as they are in its database."""

    rows: dict[str, list[Columns]]

    def add(self, table: str, **columns: Any) -> int:
        """Add a row and return its id."""
        number = len(self.rows[table]) + 1
        self.rows[table].append({"id": number, **columns})
        return number


class Of(NamedTuple):
    """What a row belongs to: its run, its symbol, and when that was looked at."""

    run: int | None
    symbol: str
    at: datetime


def story(executions: int) -> Story:
    """Return runs, each with one of the known faults or none, and what belongs to no run."""
    found = Story(rows={name: [] for name in ORDER})
    found.add("strategies", name="swing", param=json.dumps({"RSI": 14, "weight": 0.5}))
    found.add("workflows", name="daily")
    for number in range(executions):
        _KINDS[number % len(_KINDS)](found, number)
    _of_no_run(found)
    found.add("orders", symbol="AAPL")
    return found


def fill(url: str, told: Story, *, tables: str = TABLES) -> None:
    """Make the predecessor's tables in a database, and their rows."""
    with psycopg.connect(url) as connection:
        connection.execute(tables.encode())
        for table, rows in told.rows.items():
            for row in rows:
                statement = SQL("INSERT INTO {} ({}) VALUES ({})").format(
                    Identifier(table),
                    SQL(", ").join(map(Identifier, row)),
                    SQL(", ").join([Placeholder()] * len(row)),
                )
                connection.execute(statement, [*row.values()])


def objects(folder: Path, told: Story) -> Path:
    """Write the objects that its MinIO has, as files; of some charts there are none."""
    for row in told.rows["charts"]:
        if "lost" not in row["minio_object_key"]:
            path = folder / BUCKET / row["minio_object_key"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(JPEG + str(row["id"]).encode())
            path.with_suffix(".html").write_bytes(PAGE)
    return folder


def _begin(found: Story, number: int, symbol: str, **columns: Any) -> Of:
    at = STARTED + timedelta(hours=number)
    run = found.add("workflow_executions", **{
        "workflow_id": 1, "strategy_id": 1, "status": "completed", "run_type": "scheduled",
        "started_at": f"{at}+00", "completed_at": f"{at + timedelta(minutes=9)}+00",
        "result": json.dumps({"n": number, "ratio": 0.25}), **columns,
    })  # fmt: skip
    return Of(run, symbol, at)


def _chart(found: Story, of: Of, kind: str = "daily") -> int:
    run, symbol, at = of
    name = f"charts/{symbol.strip()}/{kind}-{len(found.rows['charts']) + 1}"
    return found.add(
        "charts", execution_id=run, symbol=symbol, conid=265598,
        timeframe={"daily": "1d", "weekly": "1W"}[kind], chart_type=kind,
        chart_url_jpeg=f"http://minio:9000/{BUCKET}/{name}.jpg",
        chart_url_html=f"http://minio:9000/{BUCKET}/{name}.html", minio_bucket=BUCKET,
        minio_object_key=f"{name}.jpg", indicators_applied=json.dumps({"RSI": {"period": 14.5}}),
        data_points=62, start_date=at - timedelta(days=90), end_date=at, price_current="189.45",
        price_change_pct="-1.25", volume_avg=45_000_000, generated_at=at + timedelta(seconds=10),
        status="archived" if kind == "weekly" else "active",
    )  # fmt: skip


def _analysis(found: Story, of: Of, **columns: Any) -> int:
    run, symbol, at = of
    return found.add("llm_analyses", **{
        "execution_id": run, "chart_id": None, "strategy_id": 1, "symbol": symbol,
        "prompt_text": "Analyse this chart.", "model_name": "gpt-4-turbo-preview",
        "provider": "openai", "timeframe": "1d", "response_text": "It rises.",
        "response_json": '{"trend": "up"}',
        "confidence_score": "0.78", "trend_direction": "Bullish",
        "support_levels": "[185.00, 182.5]", "resistance_levels": "[192]",
        "key_patterns": '["flag"]', "tokens_used": 1250, "latency_ms": 4823,
        "analyzed_at": at + timedelta(seconds=30), "status": "completed", **columns,
    })  # fmt: skip


def _signal(found: Story, of: Of, **columns: Any) -> int:
    run, symbol, at = of
    return found.add("trading_signals", **{
        "execution_id": run, "symbol": symbol, "strategy_id": 1, "signal_type": "BUY",
        "trend": "bullish", "confidence": 0.78, "reasoning": "It rises.", "entry_price": 189.5,
        "stop_loss": 185.0, "target_price": 199.0, "entry_price_low": 189.0,
        "generated_at": f"{at + timedelta(seconds=40)}+00", "profit_loss": "12.5000", **columns,
    })  # fmt: skip


def _whole(found: Story, number: int) -> None:
    of = _begin(found, number, "NVDA")
    daily, weekly = _chart(found, of), _chart(found, of, "weekly")
    first = _analysis(found, of, chart_id=daily)
    _analysis(found, of, chart_id=weekly, timeframe="1w")
    metadata = '{"timeframes": ["1d"], "legacy_unbacked": false}'
    _signal(found, of, chart_id=daily, llm_analysis_id=first, strategy_metadata=metadata)


def _made_up(found: Story, number: int) -> None:
    of = _begin(found, number, "AAPL")
    said = {"status": "failed", "error_message": "429: too many", "response_text": None}
    failed = _analysis(found, of, chart_id=_chart(found, of), response_json=None, **said)
    _signal(found, of, llm_analysis_id=failed, reasoning="default")


def _made_up_without_link(found: Story, number: int) -> None:
    of = _begin(found, number, "AAPL", status="failed", error="model did not answer")
    _analysis(found, of, status="failed", response_text=None, response_json=None)
    _signal(found, of)


def _without_charts(found: Story, number: int) -> None:
    of = _begin(found, number, "MSFT")
    prices = dict.fromkeys(("entry_price", "stop_loss", "target_price"))
    _signal(found, of, llm_analysis_id=_analysis(found, of), signal_type="hold", **prices)


def _too_early(found: Story, number: int) -> None:
    of = _begin(found, number, "IBM")
    later = _analysis(found, of, analyzed_at=of.at + timedelta(minutes=5))
    _signal(found, of, llm_analysis_id=later)


def _never_ended(found: Story, number: int) -> None:
    at = STARTED + timedelta(hours=number)
    found.add("workflow_executions", status="running", started_at=f"{at}+00")


def _odd_numbers(found: Story, number: int) -> None:
    of = _begin(found, number, "GOOG")
    said = {"response_json": '{"nul": "\\u0000", "x": 1e-7}', "tokens_used": -1}
    answer = _analysis(found, of, confidence_score="7.8000", model_name=None, provider=None, **said)
    prices = {"entry_price": "NaN", "stop_loss": -5.0, "target_price": 10.0}
    _signal(
        found, of, llm_analysis_id=answer, signal_type="SELL", confidence=85, trend="up", **prices
    )


def _two_symbols(found: Story, number: int) -> None:
    run = _begin(found, number, "nvda")
    for of in (run, run._replace(symbol="TSLA ")):
        answer = _analysis(found, of, chart_id=_chart(found, of))
        _signal(found, of, llm_analysis_id=answer)
    _signal(found, run._replace(symbol="TSLA", at=run.at + timedelta(seconds=5)))


def _lost_image(found: Story, number: int) -> None:
    of = _begin(found, number, "AMZN")
    lost = _chart(found, of)
    found.rows["charts"][-1]["minio_object_key"] = f"lost/{number}.jpg"
    found.rows["charts"][-1]["chart_url_jpeg"] = f"http://minio:9000/{BUCKET}/lost/{number}.jpg"
    _analysis(found, of, chart_id=lost, response_text=None, response_json=None)
    _signal(found, of, signal_type="STRONG BUY")


def _linked_by_others(found: Story, number: int) -> None:
    of = _begin(found, number, "META")
    chart, runless = _chart(found, of), of._replace(run=None)
    answer = _analysis(found, runless, chart_id=chart, response_text="x" * 200_000)
    _signal(found, runless, llm_analysis_id=answer)
    _signal(found, of, generated_at=f"{of.at}+00")


_KINDS: Final = (
    _whole, _made_up, _made_up_without_link, _without_charts, _too_early, _never_ended,
    _odd_numbers, _two_symbols, _lost_image, _linked_by_others,
)  # fmt: skip


def _of_no_run(found: Story) -> None:
    of = Of(None, "AAPL", STARTED)
    _signal(found, of)
    _signal(found, of, llm_analysis_id=_analysis(found, of))
    _signal(found, of._replace(symbol=""))
    for symbol, named, extra in (
        ("AAPL", ("date", "open", "high", "low", "close", "volume"), {}),
        ("AAPL", ("Date", "Open", "High", "Low", "Close", "Volume"), {"timeframe": "1d"}),
        ("MSFT", ("Date", "OPEN", "HIGH", "LOW", "CLOSE", "VOLUME"), {"data_type": "weekly"}),
        ("MSFT", ("date", "open", "high", "low", "shut", "volume"), {}),
    ):
        days = 7 if extra.get("data_type") == "weekly" else 1
        bars = [*_bars(named, days=days)]
        found.add("market_data_cache", symbol=symbol, ohlcv_data=json.dumps(bars),
                  cached_at=f"{STARTED}+00", **extra)  # fmt: skip
    deep = "[" * 200 + "]" * 200
    found.add("market_data_cache", symbol="DEEP", ohlcv_data=deep, cached_at=f"{STARTED}+00")


def _bars(named: Sequence[str], *, days: int) -> Iterator[Mapping[str, Any]]:
    for at in range(5):
        day = (STARTED + timedelta(days=at * days)).date().isoformat()
        yield dict(zip(named, (day, 10.5, 12, 9.25, 11, 1000 + at), strict=True))
