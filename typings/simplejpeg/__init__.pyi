# The part of simplejpeg 1.9 that this project uses.

import numpy as np
from numpy.typing import NDArray

def encode_jpeg(
    image: NDArray[np.uint8],
    quality: int = 85,
    colorspace: str = "rgb",
    colorsubsampling: str = "444",
) -> bytes: ...
def decode_jpeg(data: bytes, colorspace: str = "rgb") -> NDArray[np.uint8]: ...
def decode_jpeg_header(data: bytes) -> tuple[int, int, str, str]: ...
