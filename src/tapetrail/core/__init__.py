"""The pure core: no clock, no chance, no files, no network.

It is handed what it works on; edges bring it, and carry away what comes of it.
"""
