"""For programs that make decisions of their own: what they tell is recorded.

It knows the core alone, besides what reads frames and replies of models: how a record is reached,
here or over a network, is handed in.
"""
