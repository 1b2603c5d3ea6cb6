"""What a benchmark says that cannot be measured here."""


class Skipped(Exception):
    """Something that a benchmark needs is absent; the message says what."""
