"""The tables: columns derived from the records, constraints beside them.

Imported only inside `store`: rows stay here, frozen values travel.
"""
