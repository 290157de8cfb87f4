"""Hair, scarves and caps, as outlines in parts of the head's half width around its middle."""

from dataclasses import dataclass

from nova.app.world.painting.canvas import Canvas
from nova.app.world.painting.colours import RGB, mixed
from nova.app.world.painting.shapes import Point, around, closed

Outline = tuple[Point, ...]

CROPPED, CURLS, QUIFF, LONG, BOB, AFRO, BUN, TAIL, SCARF, CAP = range(10)
STYLES = 10


@dataclass(frozen=True, slots=True)
class Head:
    """Where a head is; `size` is half its width, in pixels."""

    x: float
    y: float
    size: float

    def outline(self, points: Outline, *, mirror: bool = False) -> list[Point]:
        """Return a smooth outline around this head."""
        side = -self.size if mirror else self.size
        return closed([(self.x + across * side, self.y + down * self.size) for across, down in points], 8)


_SHORT: Outline = (
    (-1.04, 0.02), (-1.08, -0.72), (-0.5, -1.34), (0.5, -1.34), (1.08, -0.72), (1.04, 0.02), (0.80, -0.52),
    (0.1, -0.66), (-0.80, -0.52),
)  # fmt: skip
_SWEPT: Outline = (
    (-1.05, -0.05), (-1.12, -0.8), (-0.55, -1.42), (0.6, -1.56), (1.16, -0.86), (1.04, -0.05), (0.82, -0.62),
    (-0.35, -0.50), (-0.86, -0.72),
)  # fmt: skip
_CROWN: Outline = ((-0.98, -0.2), (-0.6, -1.1), (0.6, -1.1), (0.98, -0.2), (0.6, -0.58), (-0.6, -0.58))
_STRAND: Outline = ((-0.12, -1.36), (0.72, -1.18), (1.18, -0.4), (1.14, 0.75), (0.92, 0.1), (0.55, -0.64))
_FRINGE: Outline = ((-0.95, -0.3), (-0.7, -1.15), (0.7, -1.15), (0.95, -0.3), (0.0, -0.36))
_HOOD: Outline = (
    (-1.12, 0.5), (-1.2, -0.7), (-0.5, -1.5), (0.5, -1.5), (1.2, -0.7), (1.12, 0.5), (0.86, -0.5), (0.0, -0.84),
    (-0.86, -0.5),
)  # fmt: skip
_VEIL: Outline = (
    (0.0, -1.62), (1.35, -0.6), (1.5, 1.4), (0.9, 2.1), (-0.9, 2.1), (-1.5, 1.4), (-1.35, -0.6),
)  # fmt: skip
_PEAK: Outline = ((-1.1, -0.42), (-0.95, -1.2), (0.0, -1.62), (0.95, -1.2), (1.1, -0.42), (0.0, -0.56))
_PONY: Outline = ((0.6, -1.1), (1.65, -0.7), (1.75, 0.7), (1.2, 1.5), (1.15, 0.1))


def hair_behind(canvas: Canvas, head: Head, style: int, hair: RGB) -> None:
    """Paint what lies behind the face."""
    dark, x, y, size = mixed(hair, (0, 0, 0), 0.22), head.x, head.y, head.size
    if style in {LONG, BOB}:
        reach = 2.5 if style == LONG else 1.65
        side: Outline = ((1.2, -0.75), (1.28, 0.6), (1.22, reach))
        mane = ((0.0, -1.45), *side, *((-across, down) for across, down in reversed(side)))
        canvas.polygon(head.outline(mane), dark)
    elif style == AFRO:
        for turn in range(0, 360, 20):
            canvas.disc(*around(x, y - size * 0.25, size * 1.12, turn), size * 0.52, dark)
        canvas.disc(x, y - size * 0.25, size * 1.3, dark)
    elif style == BUN:
        canvas.disc(x, y - size * 1.62, size * 0.52, dark)
        canvas.disc(x, y - size * 0.3, size * 1.12, dark)
    elif style == TAIL:
        canvas.polygon(head.outline(_PONY), dark)
    elif style == SCARF:
        canvas.polygon(head.outline(_VEIL), canvas.palette.accent(0.52, 0.12))


def hair_front(canvas: Canvas, head: Head, style: int, hair: RGB) -> None:
    """Paint what lies over the forehead."""
    x, y, size = head.x, head.y, head.size
    if style in {LONG, BOB}:
        for mirror in (False, True):
            canvas.polygon(head.outline(_STRAND, mirror=mirror), hair)
        if style == BOB:
            canvas.polygon(head.outline(_FRINGE), hair)
    elif style == AFRO:
        for turn in range(195, 350, 22):
            canvas.disc(*around(x, y - size * 0.1, size, turn), size * 0.32, hair)
    elif style == CURLS:
        for turn in range(186, 356, 17):
            canvas.disc(*around(x, y - size * 0.18, size * 0.92, turn), size * 0.34, hair)
        canvas.polygon(head.outline(_CROWN), hair)
    elif style == SCARF:
        canvas.polygon(head.outline(_HOOD), canvas.palette.accent(0.60, 0.13))
    elif style == CAP:
        canvas.polygon(head.outline(_PEAK), canvas.palette.accent(0.56, 0.15))
        left, right, brim = x - size * 1.14, x + size * 1.14, canvas.palette.accent(0.44, 0.13)
        canvas.pill(left, y - size * 0.70, right, y - size * 0.36, brim, radius=size * 0.16)
    else:
        canvas.polygon(head.outline(_SWEPT if style == QUIFF else _SHORT), hair)
