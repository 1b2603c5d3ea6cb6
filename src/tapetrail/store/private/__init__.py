"""The PostgreSQL server in the home folder: started, guarded, stopped.

Nothing here knows the tables of the record.
"""
