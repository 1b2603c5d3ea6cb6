"""PostgreSQL: the tables, what is appended and read, migrations, the server in the home folder.

Rows stay here, frozen values travel; nothing here knows bytes, bars or models.
"""
