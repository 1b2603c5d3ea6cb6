"""Daily bars of IBKR by its Client Portal Gateway, which runs beside us and a person logs in at.

`gateway` is how it is asked and what it says instead of an answer, `exchanges` and `contracts` find
instruments, `history` has their bars, and `source` is what strategies call `ibkr`. Nothing here
logs in, ends anybody's session, or knows an order.
"""
