"""The terminal: parse the words, call one use case, print the answer.

No rule lives here, and no command reaches past the use cases.
"""
