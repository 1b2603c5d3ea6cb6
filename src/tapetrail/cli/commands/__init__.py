"""One module a group of commands: its words, and the one question that each command asks.

No module imports another one here, and none holds a rule: those lie below the command line.
"""
