"""Replies as analyses, the rules of the built-in analyst, and the signal that follows.

Nothing here asks anybody: an analyst that does is an edge.
"""
