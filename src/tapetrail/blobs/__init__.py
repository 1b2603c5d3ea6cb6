"""Bytes by key and digest: a folder or an object store, behind one protocol.

Nothing here knows what the bytes mean, or which row names them.
"""
