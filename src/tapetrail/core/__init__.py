"""The pure core: no clock, no chance, no files, no network.

What it works on is passed in; edges fetch that, and keep what comes of it.
"""
