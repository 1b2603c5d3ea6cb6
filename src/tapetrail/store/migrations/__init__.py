"""How the schema came to be: a baseline, and numbered steps after it, forward only.

Roles, guards and grants are not here: they are applied again at each upgrade.
"""
