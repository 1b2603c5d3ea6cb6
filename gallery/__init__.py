"""Every kind of chart, drawn from fixed bars: `python -m gallery` writes docs/gallery."""
