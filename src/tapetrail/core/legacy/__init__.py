"""An older system's rows as rows of this record: what they say, what backs them, how they ended.

Rows come in as JSON, as its database writes them; nothing here knows how they are read, or written.
"""
