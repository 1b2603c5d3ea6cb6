"""PostgreSQL: the tables, what is appended and read, and the private server."""
