"""Child processes of tests are as a plain installation is: without pandas and polars.

TA-Lib imports both where they are, which takes each process over half a second.
"""

import sys

for name in ("pandas", "polars"):
    sys.modules[name] = None  # pyright: ignore[reportArgumentType] # what "not there" is written as
