"""Chart specs as bytes: one vector page, the JPEG that models see, the interactive HTML.

Nothing here computes a number that is drawn, and nothing here knows where bytes are kept.
"""
