# The part of mplfinance 0.12 that the benchmarks use.

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

class _AddedPlot: ...  # theirs is a dict

def make_addplot(
    data: NDArray[np.float64], *, panel: int = 0, type: str = "line", color: str | None = None
) -> _AddedPlot: ...
def plot(
    data: pd.DataFrame,
    *,
    type: str,
    volume: bool,
    addplot: Sequence[_AddedPlot],
    panel_ratios: Sequence[float],
    figsize: tuple[float, float],
    savefig: Mapping[str, object],
) -> None: ...
