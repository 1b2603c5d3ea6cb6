"""The blob store that the settings name."""

from typing import Final

from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.settings import Settings

FOLDER: Final = "blobs"


def open_blobs(settings: Settings) -> DirectoryBlobs:
    """Return the store of a home: a folder of its own in it."""
    return DirectoryBlobs(root=settings.home / FOLDER)
