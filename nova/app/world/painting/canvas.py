"""A canvas that is twice as large inside as outside: shapes are drawn hard-edged and come out smooth."""

import io
import random
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from nova.app.world.painting.colours import RGB, Palette
from nova.app.world.painting.shapes import Point

_SCALE = 2
_QUALITY, _EFFORT = 80, 2
_HALO = 128


class Canvas:
    """A picture being painted. All lengths are in pixels of the finished picture, from the top left."""

    def __init__(self, width: int, height: int, palette: Palette, rng: random.Random) -> None:
        self.width, self.height = float(width), float(height)
        self.unit = float(min(width, height))
        self.palette, self.rng = palette, rng
        self._image = Image.new("RGB", (width * _SCALE, height * _SCALE))
        # A pen that mixes reads before it writes, at several times the price.
        self._pen, self._glaze = ImageDraw.Draw(self._image), ImageDraw.Draw(self._image, "RGBA")

    def webp(self) -> bytes:
        """Return the finished picture."""
        out = io.BytesIO()
        self._image.reduce(_SCALE).save(out, "WEBP", quality=_QUALITY, method=_EFFORT)
        return out.getvalue()

    def fill(self, colour: RGB) -> None:
        """Cover everything with one colour."""
        self._image.paste(colour, (0, 0, *self._image.size))

    def gradient(self, stops: Sequence[RGB], *, top: float = 0.0, bottom: float | None = None) -> None:
        """Fill a band over the whole width with colours that pass into each other from top to bottom."""
        low = self.height if bottom is None else bottom
        first, last = round(top * _SCALE), round(low * _SCALE)
        rows = max(last - first, 1)
        at = np.linspace(0.0, len(stops) - 1.0, rows)
        parts = [np.interp(at, np.arange(len(stops)), [stop[part] for stop in stops]) for part in range(3)]
        column = Image.fromarray(np.stack(parts, axis=1).round().astype(np.uint8)[:, None, :])
        self._image.paste(column.resize((self._image.width, rows), Image.Resampling.NEAREST), (0, first))

    def polygon(self, points: Iterable[Point], colour: RGB, *, alpha: int = 255) -> None:
        """Fill a shape."""
        pen, ink = self._ready(colour, alpha)
        pen.polygon([(x * _SCALE, y * _SCALE) for x, y in points], fill=ink)

    def box(
        self, left: float, top: float, right: float, bottom: float, colour: RGB, *, alpha: int = 255
    ) -> None:
        """Fill a rectangle."""
        pen, ink = self._ready(colour, alpha)
        pen.rectangle(self._corners(left, top, right, bottom), fill=ink)

    def pill(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        colour: RGB,
        *,
        radius: float,
        alpha: int = 255,
    ) -> None:
        """Fill a rectangle with round corners."""
        pen, ink = self._ready(colour, alpha)
        pen.rounded_rectangle(self._corners(left, top, right, bottom), radius * _SCALE, fill=ink)

    def disc(
        self, x: float, y: float, radius: float, colour: RGB, *, alpha: int = 255, tall: float = 1.0
    ) -> None:
        """Fill a circle; with `tall` an ellipse that many times as high as wide."""
        corners = self._corners(x - radius, y - radius * tall, x + radius, y + radius * tall)
        pen, ink = self._ready(colour, alpha)
        pen.ellipse(corners, fill=ink)

    def ring(
        self, x: float, y: float, radius: float, colour: RGB, width: float, *, tall: float = 1.0
    ) -> None:
        """Draw a circle's outline, `width` thick, inside of `radius`."""
        corners = self._corners(x - radius, y - radius * tall, x + radius, y + radius * tall)
        self._pen.ellipse(corners, outline=colour, width=max(round(width * _SCALE), 1))

    def arc(
        self, x: float, y: float, radius: float, span: tuple[float, float], colour: RGB, *, width: float
    ) -> None:
        """Draw a part of a circle's outline; `span` in degrees, clockwise from three o'clock."""
        corners = self._corners(x - radius, y - radius, x + radius, y + radius)
        self._pen.arc(corners, *span, fill=colour, width=max(round(width * _SCALE), 1))

    def wedge(self, x: float, y: float, radius: float, span: tuple[float, float], colour: RGB) -> None:
        """Fill a slice of a circle."""
        self._pen.pieslice(self._corners(x - radius, y - radius, x + radius, y + radius), *span, fill=colour)

    def line(self, points: Sequence[Point], colour: RGB, width: float, *, alpha: int = 255) -> None:
        """Draw a line with soft joints."""
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        pen, ink = self._ready(colour, alpha)
        pen.line(scaled, fill=ink, width=max(round(width * _SCALE), 1), joint="curve" if width > 2 else None)

    def stroke(self, points: Sequence[Point], colour: RGB, width: float) -> None:
        """Draw a line with round ends."""
        self.line(points, colour, width)
        for x, y in (points[0], points[-1]):
            self.disc(x, y, width / 2, colour)

    def glow(self, x: float, y: float, radius: float, colour: RGB, strength: float = 1.0) -> None:
        """Lay a light over everything that fades out towards `radius`."""
        size = 2 * radius * _SCALE
        left, top = (x - radius) * _SCALE, (y - radius) * _SCALE
        seen = (
            max(round(left), 0),
            max(round(top), 0),
            min(round(left + size), self._image.width),
            min(round(top + size), self._image.height),
        )
        wide, tall = seen[2] - seen[0], seen[3] - seen[1]
        if wide <= 0 or tall <= 0:
            return
        part = [
            min(max((at - start) / size * _HALO, 0.0), _HALO)
            for at, start in zip(seen, (left, top) * 2, strict=True)
        ]
        cut = (part[0], part[1], part[2], part[3])
        mask = _halo(strength).resize((wide, tall), Image.Resampling.BILINEAR, box=cut)
        self._image.paste(colour, seen, mask)

    def _ready(self, colour: RGB, alpha: int) -> tuple[ImageDraw.ImageDraw, tuple[int, ...]]:
        return (self._pen, colour) if alpha >= 255 else (self._glaze, (*colour, alpha))

    def _corners(
        self, left: float, top: float, right: float, bottom: float
    ) -> tuple[float, float, float, float]:
        return left * _SCALE, top * _SCALE, right * _SCALE, bottom * _SCALE


@lru_cache(maxsize=32)
def _halo(strength: float) -> Image.Image:
    """Return a mask that is `strength` in the middle and nothing at its rim."""
    offsets = np.linspace(-1.0, 1.0, _HALO)
    away = np.sqrt(offsets[:, None] ** 2 + offsets[None, :] ** 2)
    light = np.clip(1.0 - away, 0.0, 1.0) ** 1.6 * min(strength, 1.0)
    return Image.fromarray((light * 255).astype(np.uint8))
