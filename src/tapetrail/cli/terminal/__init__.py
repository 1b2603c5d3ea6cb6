"""What a terminal is shown and how it is read: text, tables, CSV, errors, help, the words typed.

Nothing here knows a command or opens a record.
"""
