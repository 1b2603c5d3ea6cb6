"""What the system can be asked to do, one module an area; surfaces call these and nothing else.

They know no surface, and no settings: what they work with is passed to them.
"""
