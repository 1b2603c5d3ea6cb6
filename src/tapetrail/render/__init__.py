"""Chart spec to bytes: one vector page, and the JPEG that models see."""
