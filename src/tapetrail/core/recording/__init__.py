"""What other programs tell of their decisions: entries, one by one, and what they have to be.

Entries are what travels: from a program to a record at hand, into a spool while that one is away,
and over a network. Nothing here knows rows; what takes entries in makes those of them.
"""
