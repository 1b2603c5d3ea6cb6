# The part of Plotly 6 that the benchmarks use.

from collections.abc import Sequence

from plotly.graph_objects import Figure

def make_subplots(
    rows: int,
    cols: int,
    *,
    shared_xaxes: bool,
    vertical_spacing: float,
    row_heights: Sequence[float],
) -> Figure: ...
