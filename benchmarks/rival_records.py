"""The payload of an agent's decisions into MLflow, on this machine; figures as JSON.

    python -m benchmarks.rival_records FOLDER DECISIONS

Runs in an environment that has the rivals, which `benchmarks.recorder` starts it in. A decision is
a run with two images as artifacts; its prompts, replies and signal are files of the run too, or
spans of a trace. The tracking store is SQLite, which MLflow takes where nothing else is said. All
is warm: a decision was recorded before.
"""

# pyright: reportMissingModuleSource=false
# The rivals live in an environment of their own; benchmarks/typings says what is used of them.

import logging
import sys
from pathlib import Path

import mlflow

from benchmarks.told_payload import REASON, SIGNAL, Payload, Taken, payloads, said, timed


def as_files(told: Payload) -> None:
    """Record a decision as a run with files."""
    with mlflow.start_run(run_name=told.symbol):
        for chart in told.charts:
            mlflow.log_artifact(str(chart), "charts")
        for analyst, prompt, reply in told.asked:
            mlflow.log_dict({"prompt": prompt, "reply": reply}, f"{analyst}.json")
        mlflow.log_params({"symbol": told.symbol, **SIGNAL})
        mlflow.log_dict({**SIGNAL, "reasoning": REASON}, "signal.json")


def as_spans(told: Payload) -> None:
    """Record a decision as a run with images, and a trace of what was asked and decided."""
    with mlflow.start_run(run_name=told.symbol):
        for chart in told.charts:
            mlflow.log_artifact(str(chart), "charts")
        with mlflow.start_span(told.symbol) as decision:
            for analyst, prompt, reply in told.asked:
                with mlflow.start_span(analyst, span_type="CHAT_MODEL") as span:
                    span.set_inputs({"prompt": prompt})
                    span.set_outputs({"reply": reply})
            decision.set_outputs({**SIGNAL, "reasoning": REASON})


def main(folder: Path, count: int) -> None:
    """Record the payloads in both ways, and print what each took."""
    logging.disable(logging.INFO)
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.create_experiment("told", artifact_location=f"file://{folder / 'artifacts'}")
    mlflow.set_experiment("told")
    taken = dict[str, Taken]()
    for name, record in (("files", as_files), ("spans", as_spans)):
        told = payloads(folder / name, count + 1)
        timed(record, told[:1], mlflow.flush_trace_async_logging)
        taken[name] = timed(record, told[1:], mlflow.flush_trace_async_logging)
    print(said(taken))  # noqa: T201 # what the other process reads


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
