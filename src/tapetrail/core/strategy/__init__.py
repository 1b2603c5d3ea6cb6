"""The parts of a strategy, parsed and completed.

What a part means for a decision lives where it is used; nothing here reads a file.
"""
