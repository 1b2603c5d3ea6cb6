"""Bars in: the sources, one module or package each, and the registry that alone knows their names.

What is drawn, decided or stored does not live here, and no module or package knows another's source.
"""
