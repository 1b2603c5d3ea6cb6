"""One declaration per record: a frozen dataclass whose fields are the columns of its table.

Nothing here reads or writes a row, and no other part of the core knows that rows exist.
"""
