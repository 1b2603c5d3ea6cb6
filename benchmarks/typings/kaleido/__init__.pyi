# The part of Kaleido 1 that the benchmarks use.

from collections.abc import Mapping

from plotly.graph_objects import Figure

def start_sync_server(
    *, n: int = 1, mathjax: bool | None = None, silence_warnings: bool = False
) -> None: ...
def stop_sync_server(*, silence_warnings: bool = False) -> None: ...
def calc_fig_sync(fig: Figure, opts: Mapping[str, str | int]) -> bytes: ...
