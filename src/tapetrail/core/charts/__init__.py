"""Bars and indicators as a chart spec: what to draw, every number of it, and its text form.

How it is drawn is for `render`; what anybody makes of it is for `core.analysis`.
"""
