"""TapeTrail, the flight recorder for LLM-driven trading."""

__version__ = "0.1.0"
