"""How the schema came to be: numbered steps, forward only."""
