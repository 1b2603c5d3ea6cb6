"""The durable engine and the order of its steps: prepare, ask, conclude.

Whatever decides is in the core, whatever reaches outside is an edge; nothing here knows a surface.
"""
