"""The terminal: parse the words, ask the recorder once, print the answer."""
