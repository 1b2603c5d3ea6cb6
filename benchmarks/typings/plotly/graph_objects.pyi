# The part of Plotly 6 that the benchmarks use.

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

class Candlestick:
    def __init__(
        self,
        *,
        x: pd.DatetimeIndex,
        open: NDArray[np.float64],
        high: NDArray[np.float64],
        low: NDArray[np.float64],
        close: NDArray[np.float64],
        name: str,
        increasing_line_color: str,
        decreasing_line_color: str,
    ) -> None: ...

class Scatter:
    def __init__(
        self,
        *,
        x: pd.DatetimeIndex,
        y: NDArray[np.float64],
        name: str,
        mode: str,
        line: Mapping[str, str],
    ) -> None: ...

class Bar:
    def __init__(
        self,
        *,
        x: pd.DatetimeIndex,
        y: NDArray[np.float64],
        marker_color: NDArray[np.str_] | str,
    ) -> None: ...

class Figure:
    def add_trace(self, trace: Candlestick | Scatter | Bar, *, row: int, col: int) -> Figure: ...
    def update_layout(
        self, *, width: int, height: int, template: str, xaxis_rangeslider_visible: bool
    ) -> Figure: ...
