"""Scenes of play and sport: records, tracks, pools, boards."""

import math
from itertools import pairwise

from nova.app.world.painting.canvas import Canvas
from nova.app.world.painting.colours import RGB, mixed, oklch
from nova.app.world.painting.shapes import Point, around


def indie_music(canvas: Canvas) -> None:
    """Paint a record on its turntable."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    palette = canvas.palette
    ground = rng.choice((palette.accent(0.82, 0.12), palette.base(0.86, 0.07), palette.base(0.42, 0.10)))
    canvas.fill(ground)
    radius = canvas.unit * rng.uniform(0.38, 0.44)
    x, y = width * rng.uniform(0.44, 0.56), height * rng.uniform(0.46, 0.54)
    canvas.disc(x + radius * 0.04, y + radius * 0.06, radius * 1.02, mixed(ground, palette.ink(), 0.35))
    black = palette.base(0.19, 0.02)
    canvas.disc(x, y, radius, black)
    groove = radius * 0.96
    while groove > radius * 0.42:
        canvas.ring(x, y, groove, mixed(black, palette.paper(), rng.choice((0.05, 0.08, 0.13))), 1)
        groove -= radius * 0.035
    shine = rng.uniform(0, 90)
    for turn in (shine, shine + 180):
        for spread, alpha in ((15, 20), (9, 26), (4, 32)):
            rim = [around(x, y, radius * 0.97, turn + step * spread / 4) for step in range(-4, 5)]
            canvas.polygon([(x, y), *rim], palette.paper(), alpha=alpha)
    label = palette.accent(0.74, 0.16) if ground != palette.accent(0.82, 0.12) else palette.base(0.66, 0.13)
    canvas.disc(x, y, radius * 0.36, label)
    canvas.wedge(x, y, radius * 0.36, (shine + 40, shine + 160), mixed(label, palette.paper(), 0.4))
    canvas.disc(x, y, radius * 0.16, palette.paper())
    canvas.disc(x, y, radius * 0.03, palette.ink())
    _tonearm(canvas, x, y, radius)


def _tonearm(canvas: Canvas, x: float, y: float, radius: float) -> None:
    palette = canvas.palette
    foot = (min(x + radius * 1.16, canvas.width - radius * 0.16), max(y - radius * 0.95, radius * 0.16))
    tip = around(x, y, radius * canvas.rng.uniform(0.5, 0.8), canvas.rng.uniform(25, 50))
    knee = (foot[0] - radius * 0.02, foot[1] + (tip[1] - foot[1]) * 0.62)
    canvas.disc(*foot, radius * 0.13, palette.base(0.34, 0.03))
    canvas.disc(*foot, radius * 0.08, palette.base(0.72, 0.02))
    canvas.stroke([foot, knee, tip], palette.base(0.80, 0.015), radius * 0.035)
    canvas.stroke(
        [(tip[0] + radius * 0.05, tip[1] - radius * 0.05), tip], palette.base(0.28, 0.03), radius * 0.07
    )


def running(canvas: Canvas) -> None:
    """Paint the lanes of a track in a bend, from above."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    palette = canvas.palette
    grass, clay = oklch(0.62, 0.12, 140), rng.choice((palette.warm(0.62, 0.14), palette.base(0.58, 0.13)))
    canvas.fill(mixed(clay, palette.ink(), 0.06))
    x, y = width * rng.choice((-0.15, 1.15)), height * rng.choice((-0.05, 1.05))
    lane = canvas.unit * rng.uniform(0.11, 0.14)
    outer = math.hypot(width, height) * 1.25
    inner = canvas.unit * rng.uniform(0.34, 0.5)
    edge, number = outer, 0
    edges = [inner + lane * step for step in range(int((outer - inner) / lane) + 1)]
    for number, edge in enumerate(reversed(edges)):
        canvas.disc(x, y, edge, clay if number % 2 else mixed(clay, palette.paper(), 0.09))
        canvas.ring(x, y, edge, palette.paper(), 3)
    canvas.disc(x, y, inner, grass)
    for stripe in range(1, 5):
        canvas.ring(x, y, inner * stripe / 5, mixed(grass, palette.paper(), 0.16), inner * 0.1)
    toward = math.degrees(math.atan2(height / 2 - y, width / 2 - x))
    start = toward + rng.uniform(-14, 14)
    for edge in edges[:-1]:
        canvas.line([around(x, y, edge, start), around(x, y, edge + lane, start)], palette.paper(), 4)
        start += 2.4
    for _ in range(rng.randint(1, 3)):
        at = around(x, y, rng.choice(edges[1:4]) + lane / 2, toward + rng.uniform(-22, 22))
        _runner(canvas, at, lane * 0.17)


def _runner(canvas: Canvas, at: Point, size: float) -> None:
    x, y = at
    palette, turn = canvas.palette, canvas.rng.uniform(0, 180)
    canvas.disc(x + size * 1.3, y + size * 1.5, size * 1.2, palette.ink(), alpha=90, tall=0.7)
    hand, other = around(x, y, size * 1.3, turn), around(x, y, size * 1.3, turn + 180)
    canvas.stroke([hand, other], palette.accent(0.84, 0.14), size * 0.6)
    canvas.disc(x, y, size, palette.accent(0.84, 0.14))
    canvas.disc(x, y, size * 0.62, palette.base(0.25, 0.04))


def swimming(canvas: Canvas) -> None:
    """Paint the lanes of a pool from above, with somebody in one of them."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    palette = canvas.palette
    water = palette.water(0.76, 0.11)
    canvas.gradient([palette.water(0.70, 0.12), water, palette.water(0.82, 0.09)])
    lanes = rng.randint(3, 4)
    wide = width / lanes
    for lane in range(lanes):
        middle = (lane + 0.5) * wide
        canvas.box(
            middle - wide * 0.08,
            height * 0.05,
            middle + wide * 0.08,
            height * 0.95,
            palette.water(0.48, 0.12),
        )
        canvas.box(
            middle - wide * 0.24,
            height * 0.045,
            middle + wide * 0.24,
            height * 0.065,
            palette.water(0.48, 0.12),
        )
    for _ in range(90):
        x, y, size = rng.random() * width, rng.random() * height, canvas.unit * rng.uniform(0.015, 0.05)
        canvas.arc(x, y, size, (200 + rng.uniform(-20, 20), 320), palette.water(0.92, 0.05), width=1.6)
    busy = rng.randrange(lanes)
    _swimmer(canvas, (busy + 0.5) * wide, height * rng.uniform(0.3, 0.6), wide * 0.25)
    bead = canvas.unit * 0.013
    for rope in range(1, lanes):
        colours = (palette.accent(0.70, 0.17), palette.paper())
        for index in range(int(height / (bead * 1.7)) + 1):
            canvas.disc(rope * wide, index * bead * 1.7, bead, colours[index // 4 % 2], tall=0.7)


def _swimmer(canvas: Canvas, x: float, y: float, size: float) -> None:
    palette, rng = canvas.palette, canvas.rng
    foam, skin = (
        palette.base(0.96, 0.02),
        rng.choice(((236, 188, 150), (198, 140, 98), (141, 90, 60), (96, 60, 42))),
    )
    for step in range(7):
        spread = size * (0.25 + 0.14 * step)
        for side in (-1, 1):
            canvas.disc(
                x + side * spread,
                y + size * (1.2 + 0.55 * step),
                size * (0.17 - 0.015 * step),
                foam,
                alpha=150 - 14 * step,
            )
    suit, cap = palette.accent(0.60, 0.17), palette.accent(0.84, 0.14, 20)
    canvas.stroke([(x - size * 0.18, y + size * 1.5), (x - size * 0.2, y + size * 2.6)], skin, size * 0.24)
    canvas.stroke([(x + size * 0.18, y + size * 1.5), (x + size * 0.24, y + size * 2.5)], skin, size * 0.24)
    canvas.disc(x, y + size * 0.75, size * 0.46, skin, tall=1.5)
    canvas.disc(x, y + size * 1.05, size * 0.42, suit, tall=1.25)
    canvas.stroke(
        [
            (x + size * 0.36, y + size * 0.3),
            (x + size * 0.75, y - size * 0.3),
            (x + size * 0.5, y - size * 1.1),
        ],
        skin,
        size * 0.2,
    )
    canvas.stroke([(x - size * 0.36, y + size * 0.35), (x - size * 0.8, y + size * 0.9)], skin, size * 0.2)
    canvas.disc(x, y - size * 0.25, size * 0.36, cap, tall=1.15)
    canvas.disc(x + size * 0.5, y - size * 1.15, size * 0.28, foam, alpha=170)


def chess(canvas: Canvas) -> None:
    """Paint a few pieces on a board that runs into the distance."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    palette = canvas.palette
    canvas.gradient(
        [palette.base(0.34, 0.07), palette.base(0.55, 0.09), palette.accent(0.76, 0.08)], bottom=height * 0.5
    )
    canvas.glow(
        width * rng.uniform(0.2, 0.8), height * 0.12, canvas.unit * 0.6, palette.accent(0.92, 0.08), 0.6
    )
    _board(canvas, height * 0.46)
    white, black = palette.accent(0.93, 0.035), palette.base(0.24, 0.045)
    kinds = list(_PIECES)
    rng.shuffle(kinds)
    back = [
        (width * (0.14 + 0.24 * index + rng.uniform(-0.03, 0.03)), height * rng.uniform(0.58, 0.64))
        for index in range(4)
    ]
    front = [
        (width * 0.3 + width * rng.uniform(-0.08, 0.05), height * 0.86),
        (width * 0.72 + width * rng.uniform(-0.05, 0.08), height * 0.9),
    ]
    for index, foot in enumerate(back):
        _piece(canvas, kinds[index % len(kinds)], foot, canvas.unit * 0.20, black)
    for index, foot in enumerate(front):
        colour = white if index == 0 or rng.random() < 0.6 else black
        _piece(canvas, kinds[(index + 4) % len(kinds)], foot, canvas.unit * 0.36, colour)


def _board(canvas: Canvas, top: float) -> None:
    width, height = canvas.width, canvas.height
    light, dark = canvas.palette.accent(0.86, 0.05), canvas.palette.base(0.46, 0.08)
    canvas.box(0, top, width, height, light)
    rows = [top + (height - top) * (step / 6) ** 1.6 for step in range(8)]
    vanish = (width / 2, top - height * 0.45)

    def across(column: int, y: float) -> Point:
        share = (y - vanish[1]) / (height - vanish[1])
        return vanish[0] + (column - 5) * width * 0.27 * share, y

    for row, (upper, lower) in enumerate(pairwise(rows)):
        for column in range(row % 2, 10, 2):
            canvas.polygon(
                [
                    across(column, upper),
                    across(column + 1, upper),
                    across(column + 1, lower),
                    across(column, lower),
                ],
                dark,
            )


# The right half of each piece's outline, as (half width, height) in parts of its height, from the top.
_BASE = ((0.10, 0.52), (0.13, 0.30), (0.20, 0.17), (0.27, 0.13), (0.28, 0.0))
_PIECES: dict[str, tuple[tuple[float, float], ...]] = {
    "pawn": ((0.0, 0.74), (0.10, 0.71), (0.13, 0.62), (0.09, 0.53), (0.16, 0.50), (0.08, 0.46), *_BASE[1:]),
    "rook": ((0.19, 0.82), (0.19, 0.68), (0.14, 0.64), (0.12, 0.60), *_BASE),
    "bishop": (
        (0.0, 0.99),
        (0.04, 0.95),
        (0.03, 0.91),
        (0.13, 0.78),
        (0.11, 0.66),
        (0.16, 0.62),
        (0.08, 0.58),
        *_BASE,
    ),
    "queen": (
        (0.0, 1.05),
        (0.05, 1.01),
        (0.06, 0.97),
        (0.19, 0.98),
        (0.11, 0.74),
        (0.17, 0.70),
        (0.09, 0.66),
        *_BASE,
    ),
    "king": (
        (0.03, 1.16),
        (0.03, 1.11),
        (0.08, 1.11),
        (0.08, 1.06),
        (0.03, 1.06),
        (0.05, 1.01),
        (0.17, 0.95),
        (0.11, 0.74),
        (0.17, 0.70),
        (0.09, 0.66),
        *_BASE,
    ),
}


def _piece(canvas: Canvas, kind: str, foot: Point, size: float, colour: RGB) -> None:
    x, y = foot
    outline = _PIECES[kind]
    canvas.disc(x + size * 0.16, y + size * 0.03, size * 0.36, canvas.palette.ink(), alpha=90, tall=0.28)
    for shift, shade in ((0.0, colour), (0.35, mixed(colour, canvas.palette.ink(), 0.22))):
        right = [(x + wide * size, y - up * size) for wide, up in outline]
        left = [(x - wide * size * (1 - 2 * shift), y - up * size) for wide, up in reversed(outline)]
        canvas.polygon([*right, *left], shade)
    canvas.disc(x, y, size * 0.28, mixed(colour, canvas.palette.ink(), 0.12), tall=0.22)
