"""What says a setting: its text, where it stands, and what a flag may be."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tapetrail.core.errors import InvalidInput

FLAGS: Final = {"1": True, "0": False, "true": True, "false": False, "yes": True, "no": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The text that decides one setting, and where it stands. Relative paths begin at `folder`."""

    text: str
    origin: str
    folder: Path


def flag(chosen: Chosen) -> bool:
    """Return whether something is wanted: 1 or 0, and words for them."""
    word = chosen.text.strip().casefold()
    if word not in FLAGS:
        known = ", ".join(FLAGS)
        raise InvalidInput(f"{chosen.origin}: {chosen.text[:40]!r}, expected one of {known}")
    return FLAGS[word]
