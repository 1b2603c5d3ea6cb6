"""Bytes are of the kind of image that they begin as, however long what comes before is."""

import pytest

from tapetrail.core.recording.images import image_type_of

DOCTYPE = (
    '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN"\n'
    ' "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n<svg xmlns="..."></svg>'
)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\n\x00\x00WEBP", "image/webp"),
        (b"<svg>", "image/svg+xml"),
        (b"\xef\xbb\xbf <!-- a --> <svg width='1'>", "image/svg+xml"),
        (DOCTYPE.encode(), "image/svg+xml"),
        (b"<!-- one --> <!-- two -->\n" * 50_000 + b"<svg/>", "image/svg+xml"),
        (b"<!-- one --> <!-- two -->\n" * 50_000 + b"<html/>", None),
        (b"<svgx>", None),
        (b"<html><svg></svg></html>", None),
        (b"", None),
    ],
)
def test_an_image_is_known_by_how_it_begins(data: bytes, kind: str | None) -> None:
    assert image_type_of(data) == kind
