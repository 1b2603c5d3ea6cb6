"""What the predecessor's tables and columns are called, and what they mean here.

Spellings are in small letters: its releases wrote the same column in both cases. A column that no
name here has is not known, and kept as it is.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Table(StrEnum):
    """The tables of the predecessor that are taken over."""

    EXECUTIONS = "workflow_executions"
    STRATEGIES = "strategies"
    CHARTS = "charts"
    ANALYSES = "llm_analyses"
    SIGNALS = "trading_signals"
    CACHE = "market_data_cache"


OF_DECISIONS: Final = (Table.CACHE, Table.CHARTS, Table.ANALYSES, Table.SIGNALS)
"""Whose rows belong to decisions, each after those that it may name."""
COLUMNS: Final[Mapping[Table, Mapping[str, tuple[str, ...]]]] = {
    Table.EXECUTIONS: {
        "workflow_id": ("workflow_id",),
        "strategy_id": ("strategy_id",),
        "status": ("status", "state"),
        "started_at": ("started_at", "start_time", "created_at"),
        "completed_at": ("completed_at", "finished_at", "ended_at", "end_time"),
        "error": ("error", "error_message"),
    },
    Table.STRATEGIES: {"name": ("name", "strategy_name", "title")},
    Table.CHARTS: {
        "execution_id": ("execution_id", "workflow_execution_id"),
        "symbol": ("symbol", "ticker"),
        "conid": ("conid", "con_id", "contract_id"),
        "timeframe": ("timeframe", "time_frame", "interval"),
        "chart_type": ("chart_type",),
        "image": ("chart_url_jpeg", "chart_url", "jpeg_url", "image_url"),
        "page": ("chart_url_html", "html_url"),
        "bucket": ("minio_bucket", "bucket"),
        "object_key": ("minio_object_key", "object_key", "minio_key"),
        "indicators_applied": ("indicators_applied", "indicators"),
        "data_points": ("data_points",),
        "start_date": ("start_date",),
        "end_date": ("end_date",),
        "price_current": ("price_current", "current_price"),
        "price_change_pct": ("price_change_pct",),
        "volume_avg": ("volume_avg", "avg_volume"),
        "at": ("generated_at", "created_at"),
        "status": ("status",),
    },
    Table.ANALYSES: {
        "execution_id": ("execution_id", "workflow_execution_id"),
        "chart_id": ("chart_id",),
        "strategy_id": ("strategy_id",),
        "symbol": ("symbol", "ticker"),
        "timeframe": ("timeframe", "time_frame"),
        "prompt_text": ("prompt_text", "prompt"),
        "prompt_template_id": ("prompt_template_id",),
        "response_text": ("response_text", "response", "analysis_text"),
        "response_json": ("response_json",),
        "model_name": ("model_name", "model", "model_used"),
        "provider": ("provider",),
        "indicators_metadata": ("indicators_metadata",),
        "confidence": ("confidence_score", "confidence"),
        "trend": ("trend_direction", "trend"),
        "support_levels": ("support_levels",),
        "resistance_levels": ("resistance_levels",),
        "key_patterns": ("key_patterns",),
        "tokens_used": ("tokens_used",),
        "latency_ms": ("latency_ms",),
        "cost_usd": ("cost_usd", "cost"),
        "status": ("status",),
        "error": ("error_message", "error"),
        "at": ("analyzed_at", "created_at"),
    },
    Table.SIGNALS: {
        "execution_id": ("execution_id", "workflow_execution_id"),
        "chart_id": ("chart_id",),
        "analysis_id": ("llm_analysis_id", "analysis_id"),
        "strategy_id": ("strategy_id",),
        "symbol": ("symbol", "ticker"),
        "conid": ("conid", "con_id", "contract_id"),
        "action": ("signal_type", "signal", "action"),
        "trend": ("trend",),
        "confidence": ("confidence", "confidence_score"),
        "entry_price": ("entry_price",),
        "stop_loss": ("stop_loss", "stop_price"),
        "target_price": ("target_price", "take_profit"),
        "timeframe": ("timeframe_primary", "timeframe"),
        "confirmation": ("timeframe_confirmation",),
        "reasoning": ("reasoning", "rationale"),
        "strategy_metadata": ("strategy_metadata",),
        "at": ("generated_at", "created_at"),
    },
    Table.CACHE: {
        "symbol": ("symbol", "ticker"),
        "conid": ("conid", "con_id", "contract_id"),
        "timeframe": ("timeframe", "interval"),
        "data_type": ("data_type",),
        "bars": ("ohlcv_data", "data", "bars", "market_data"),
        "source": ("source",),
        "at": ("cached_at", "fetched_at", "created_at", "updated_at"),
    },
}
"""What each column is called, the first name that has a value being the one that counts."""
LINKS: Final = ("execution_id", "chart_id", "analysis_id", "symbol")
"""What says to which decision a row belongs."""
