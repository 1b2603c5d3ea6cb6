"""The terminal: parse the words, call one use case, print the answer."""
