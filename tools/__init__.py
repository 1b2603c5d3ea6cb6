"""Programs for whoever maintains the project; nothing of the product needs them."""
