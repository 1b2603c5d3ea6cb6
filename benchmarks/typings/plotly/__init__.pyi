# The part of Plotly 6 that the benchmarks use.

from plotly import graph_objects as graph_objects
