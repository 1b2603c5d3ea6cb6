"""Bytes by key and digest: a folder or an object store."""
