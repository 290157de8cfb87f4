"""Colours that go together: all are taken from OKLCH, where equal steps look equal.

Source of the formulas: Björn Ottosson, "A perceptual color space for image processing" (2020).
"""

import math
from dataclasses import dataclass
from functools import lru_cache

RGB = tuple[int, int, int]


@lru_cache(maxsize=65_536)
def oklch(lightness: float, chroma: float, hue: float) -> RGB:
    """Return the sRGB colour; `lightness` 0 to 1, `chroma` 0 to about 0.3, `hue` in degrees.

    What sRGB cannot show loses chroma until it can, and keeps its lightness and its hue.
    """
    turn = math.radians(hue)
    cos, sin = math.cos(turn), math.sin(turn)
    while True:
        linear = _linear(lightness, chroma * cos, chroma * sin)
        if chroma <= 0.0 or all(-0.002 <= part <= 1.002 for part in linear):
            red, green, blue = (_encoded(part) for part in linear)
            return red, green, blue
        chroma = max(chroma - 0.01, 0.0)


def mixed(one: RGB, other: RGB, share: float) -> RGB:
    """Return a colour between two; `share` 0 is the first."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one picture: a leading hue, and one that answers it. Both in degrees."""

    hue: float
    accent_hue: float

    def base(self, lightness: float, chroma: float = 0.09, turn: float = 0.0) -> RGB:
        """Return a tone of the leading hue, turned by some degrees."""
        return _tone(lightness, chroma, self.hue + turn)

    def accent(self, lightness: float, chroma: float = 0.14, turn: float = 0.0) -> RGB:
        """Return a tone of the answering hue."""
        return _tone(lightness, chroma, self.accent_hue + turn)

    def warm(self, lightness: float, chroma: float = 0.12) -> RGB:
        """Return the tone of a light: somewhere between rose and gold, whatever the other hues are."""
        return _tone(lightness, chroma, 25.0 + self.accent_hue / 360.0 * 65.0)

    def water(self, lightness: float, chroma: float = 0.10, turn: float = 0.0) -> RGB:
        """Return a tone of water: somewhere between teal and blue."""
        return _tone(lightness, chroma, 195.0 + self.hue / 360.0 * 55.0 + turn)

    def paper(self) -> RGB:
        """Return the lightest tone, nearly white."""
        return _tone(0.965, 0.016, self.hue)

    def ink(self) -> RGB:
        """Return the darkest tone, nearly black."""
        return _tone(0.24, 0.045, self.hue)


# How far the second hue lies from the first, in turns of the wheel: opposite, beside it, or a third.
_ANSWERS = (0.42, 0.5, 0.58, 0.17, -0.17)
# Dark tones between these hues are olive and mud: the wheel goes round without them.
_MUD = (82.0, 140.0)


def palette_of(number: int, answer: int) -> Palette:
    """Return the palette of a byte; `answer` chooses how the second hue lies to the first."""
    return Palette(_kept(number / 256.0), _kept(number / 256.0 + _ANSWERS[answer % len(_ANSWERS)]))


def _kept(turn: float) -> float:
    """Return the hue at a part of a turn, with the muddy ones left out."""
    low, high = _MUD
    hue = (turn % 1.0) * (360.0 - (high - low))
    return hue if hue < low else hue + high - low


def _tone(lightness: float, chroma: float, hue: float) -> RGB:
    # Rounded, so that the cache is met by neighbours that no eye can tell apart.
    return oklch(round(lightness, 3), round(chroma, 3), round(hue % 360.0, 0))


def _linear(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _encoded(linear: float) -> int:
    bounded = min(max(linear, 0.0), 1.0)
    value = 12.92 * bounded if bounded <= 0.0031308 else 1.055 * bounded ** (1 / 2.4) - 0.055
    return round(value * 255)
