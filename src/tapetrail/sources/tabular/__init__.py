"""Tables of bars, from files and from memory, whatever their columns are called.

Whatever speaks to a vendor lives in a package of its own beside this one.
"""
