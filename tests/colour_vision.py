"""Colours as people see them: their differences, and three deficiencies of colour vision.

The matrices are those of Machado, Oliveira and Fernandes, "A Physiologically-based Model for
Simulation of Color Vision Deficiency" (2009), at severity 1.0; they hold for linear RGB.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from tapetrail.core.market.bars import Floats

DEFICIENCIES: Final[Mapping[str, Floats]] = {
    "none": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
_XYZ: Final = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE: Final = np.array([0.95047, 1.0, 1.08883])
_LAB: Final = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])
_KNEE: Final = 216 / 24389


def linear(pixels: Floats) -> Floats:
    """Return sRGB from 0 to 255 as linear light from 0 to 1; any shape."""
    share = pixels / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(colour: str, deficiency: str = "none") -> Floats:
    """Return `#rrggbb` as CIE L*, a*, b* (D65), as someone with that deficiency sees it."""
    channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.float64)
    seen = np.clip(DEFICIENCIES[deficiency] @ linear(channels), 0, 1)
    ratios = (_XYZ @ seen) / _WHITE
    roots: Floats = np.where(ratios > _KNEE, np.cbrt(ratios), (ratios / _KNEE * 8 + 16) / 116)
    return _LAB @ roots - np.array([16.0, 0.0, 0.0])


def difference(one: str, other: str, deficiency: str) -> float:
    """Return how far apart two colours are (CIE 1976); about 2 is the least that is seen."""
    return float(np.linalg.norm(lab(one, deficiency) - lab(other, deficiency)))
