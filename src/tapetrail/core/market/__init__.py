"""What is known of a market as of an instant: bars, sessions, instruments, indicators.

Nothing here knows what is drawn, asked or decided; text forms of bars live here, files do not.
"""
