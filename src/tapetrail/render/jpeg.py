"""A page as the JPEG that models see: rasterised by PDFium, encoded by libjpeg-turbo."""

from importlib.metadata import version
from threading import Lock
from typing import Final

import numpy as np
import pypdfium2
import simplejpeg
from numpy.typing import NDArray

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.render.look import HEIGHT, SCALE, WIDTH
from tapetrail.render.page import PAGE_RENDERER

QUALITY: Final = 90
THUMBNAIL_QUALITY: Final = 70
RENDERER: Final = (
    f"{PAGE_RENDERER} pypdfium2/{version('pypdfium2')}"
    f" pdfium/{pypdfium2.PDFIUM_INFO.build} simplejpeg/{version('simplejpeg')}"
)
"""What made the bytes: they are equal for equal pages, these versions and one platform."""

# PDFium keeps global state: two threads in it at once corrupt each other's pages.
_PDFIUM: Final = Lock()


def render_jpeg(page: bytes, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    """Return the page as a JPEG of this size in pixels, quality 90, full colour resolution.

    Raises `InvalidInput` for what is not a page of `render_page`, and for a size of another shape.
    """
    width, height = size
    if width * HEIGHT != height * WIDTH:
        raise InvalidInput(
            f"image of {width} x {height}: expected the shape of {WIDTH} x {HEIGHT}",
            kind=ErrorKind.RENDER_FAILED,
        )
    pixels = _raster(page, scale=SCALE * width / WIDTH)
    # PDFium writes four bytes a pixel, blue first; the encoder reads them as they lie. It counts a
    # part of a pixel as one, so that a size which is not exact in binary has one too many.
    return simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels[:height, :width]),
        quality=QUALITY,
        colorspace="BGRX",
        colorsubsampling="444",
    )


def render_thumbnail(page: bytes) -> bytes:
    """Return the page as a JPEG of 800 x 600 pixels, for overviews: the letters stay legible.

    Raises `InvalidInput` for what is not a page of `render_page`.
    """
    return simplejpeg.encode_jpeg(
        _raster(page, scale=1), quality=THUMBNAIL_QUALITY, colorspace="BGRX", colorsubsampling="444"
    )


def _raster(page: bytes, *, scale: float = SCALE) -> NDArray[np.uint8]:
    """Return the page's pixels, `scale` a point; shape (height, width, 4)."""
    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(page)
            try:
                return _pixels(document[0], scale=scale)
            finally:
                document.close()
        except pypdfium2.PdfiumError as error:
            raise InvalidInput(
                f"page of {len(page)} bytes: PDFium cannot read it: {error}",
                kind=ErrorKind.RENDER_FAILED,
            ) from error


def _pixels(page: pypdfium2.PdfPage, *, scale: float) -> NDArray[np.uint8]:
    expected = (WIDTH / SCALE, HEIGHT / SCALE)
    if page.get_size() != expected:
        raise InvalidInput(
            f"page of {page.get_size()} points, expected {expected}", kind=ErrorKind.RENDER_FAILED
        )
    bitmap = page.render(scale=scale, prefer_bgrx=True)
    pixels = bitmap.to_numpy()
    # The pixels are ours and stay; PDFium's handle goes now, while the lock is held.
    bitmap.close()
    return pixels
