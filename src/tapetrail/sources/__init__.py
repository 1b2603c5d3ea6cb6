"""Bars in: a module or package a source, and the registry, which alone knows their names.

Nothing here draws, decides or stores, and no source knows another.
"""
