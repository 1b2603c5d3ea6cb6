"""Calls over HTTP, exactly: what goes out and what comes back, to the byte.

Models and sources of bars speak through it; what the bytes mean is theirs to say.
"""
