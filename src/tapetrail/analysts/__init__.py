"""Who answers questions: the built-in rules, and analysts that are asked over a wire.

What a question is and what a reply must say lives in the core; nothing here writes to the record.
"""
