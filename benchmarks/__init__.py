"""What speed we owe, measured as ratios within one run."""
