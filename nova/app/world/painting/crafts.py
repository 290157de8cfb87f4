"""Scenes of the hand: pots, leaves, wood and paper."""

import math

from nova.app.world.painting.canvas import Canvas
from nova.app.world.painting.colours import RGB, mixed, oklch
from nova.app.world.painting.shapes import Point, around, below, closed, curve, leaf, ridge


def ceramics(canvas: Canvas) -> None:
    """Paint pots of many shapes on shelves."""
    rng, width, height, palette = canvas.rng, canvas.width, canvas.height, canvas.palette
    canvas.gradient([palette.base(0.92, 0.03), palette.base(0.86, 0.04)])
    shelves = 2 if height <= width else 3
    for shelf in range(shelves):
        level = height * (shelf + 0.86) / shelves
        x = width * rng.uniform(0.02, 0.08)
        while x < width * 0.93:
            tall, wide = height / shelves * rng.uniform(0.28, 0.66), canvas.unit * rng.uniform(0.13, 0.22)
            if x + wide > width * 0.99:
                break
            _pot(canvas, x + wide / 2, level, wide / 2, tall)
            x += wide + canvas.unit * rng.uniform(0.025, 0.06)
        canvas.box(0, level, width, level + canvas.unit * 0.028, palette.base(0.60, 0.07))
        canvas.box(
            0,
            level + canvas.unit * 0.028,
            width,
            level + canvas.unit * 0.05,
            palette.base(0.30, 0.05),
            alpha=80,
        )


_POTS = (
    ((0.42, 1.0), (0.34, 0.86), (0.95, 0.55), (0.80, 0.18), (0.5, 0.0)),
    ((0.95, 0.55), (0.92, 0.40), (0.75, 0.18), (0.40, 0.0)),
    ((0.30, 1.0), (0.24, 0.72), (0.62, 0.48), (0.85, 0.24), (0.62, 0.0)),
    ((0.68, 0.92), (0.70, 0.60), (0.70, 0.28), (0.62, 0.0)),
    ((0.55, 1.0), (0.40, 0.82), (0.55, 0.62), (0.90, 0.36), (0.55, 0.0)),
    ((0.20, 1.0), (0.18, 0.66), (0.80, 0.36), (0.86, 0.20), (0.60, 0.0)),
)


def _pot(canvas: Canvas, x: float, level: float, wide: float, tall: float) -> None:
    rng, palette = canvas.rng, canvas.palette
    outline = curve([(part * wide, up * tall) for part, up in rng.choice(_POTS)], 8)
    glaze = rng.choice(
        (
            palette.base(0.42, 0.10),
            palette.base(0.62, 0.11),
            palette.accent(0.66, 0.13),
            palette.accent(0.80, 0.09),
            palette.base(0.96, 0.02),
            palette.accent(0.48, 0.11),
        )
    )
    bare, dip = oklch(0.70, 0.06, 55), rng.choice((0.0, 0.0, 0.25, 0.4)) * outline[0][1]
    canvas.disc(x, level, wide * 0.9, palette.ink(), alpha=60, tall=0.1)
    for colour, cut in ((bare, 0.0), (glaze, dip)):
        right = [(part, up) for part, up in outline if up >= cut] or outline[:1]
        shape = [(x + part, level - up) for part, up in right] + [
            (x - part, level - up) for part, up in reversed(right)
        ]
        canvas.polygon(shape, colour)
        canvas.polygon(
            [(x + part, level - up) for part, up in right]
            + [(x + part * 0.45, level - up) for part, up in reversed(right)],
            palette.ink(),
            alpha=34,
        )
        canvas.polygon(
            [(x - part * 0.78, level - up) for part, up in right]
            + [(x - part * 0.55, level - up) for part, up in reversed(right)],
            palette.paper(),
            alpha=70,
        )
    mouth, top = outline[0]
    canvas.disc(x, level - top, mouth, mixed(glaze, palette.ink(), 0.45), tall=0.16)
    canvas.ring(x, level - top, mouth, mixed(glaze, palette.paper(), 0.35), 2, tall=0.16)
    if mouth < wide * 0.35 and rng.random() < 0.6:
        _twig(canvas, x, level - top, tall * 0.6)


def _twig(canvas: Canvas, x: float, y: float, tall: float) -> None:
    rng, green = canvas.rng, oklch(canvas.rng.uniform(0.5, 0.7), 0.09, 140)
    tip = (x + tall * rng.uniform(-0.4, 0.4), y - tall)
    stem = curve([(x, y), ((x + tip[0]) / 2 - tall * 0.1, (y + tip[1]) / 2), tip], 8)
    canvas.line(stem, mixed(green, canvas.palette.ink(), 0.3), 2)
    for number, (px, py) in enumerate(stem[4::3]):
        canvas.polygon(leaf((px, py), tall * 0.22, -90 + (55 if number % 2 else -55)), green)


def gardens(canvas: Canvas) -> None:
    """Paint leaves over leaves, with blossoms among them."""
    rng, width, height, palette = canvas.rng, canvas.width, canvas.height, canvas.palette
    dark = rng.random() < 0.5
    canvas.fill(palette.base(0.24, 0.05, 20) if dark else palette.base(0.93, 0.035))
    for layer in range(3):
        for _ in range(15 - 3 * layer):
            light = (0.33 + 0.12 * layer if dark else 0.80 - 0.14 * layer) + rng.uniform(-0.04, 0.04)
            colour = palette.base(light, 0.10, rng.uniform(-25, 30))
            _plant(
                canvas,
                (rng.random() * width, rng.random() * height),
                canvas.unit * rng.uniform(0.16, 0.30),
                colour,
            )
    for _ in range(rng.randint(6, 11)):
        _flower(
            canvas, (rng.random() * width, rng.random() * height), canvas.unit * rng.uniform(0.035, 0.085)
        )


def _plant(canvas: Canvas, at: Point, size: float, colour: RGB) -> None:
    rng, turn = canvas.rng, canvas.rng.uniform(0, 360)
    vein = mixed(colour, canvas.palette.paper(), 0.28)
    if rng.random() < 0.5:
        canvas.polygon(leaf(at, size, turn, wide=0.42), colour)
        canvas.line([at, around(*at, size * 0.94, turn)], vein, 2)
        for step in range(1, 6):
            spot = around(*at, size * step / 6.5, turn)
            for side in (-1, 1):
                canvas.line(
                    [spot, around(*spot, size * 0.22 * math.sin((step + 1) / 7 * math.pi), turn + side * 42)],
                    vein,
                    1.3,
                )
    else:
        canvas.line([at, around(*at, size, turn)], vein, 2)
        for step in range(7):
            spot = around(*at, size * (step + 0.5) / 7, turn)
            for side in (-1, 1):
                canvas.polygon(
                    leaf(
                        spot, size * 0.38 * math.sin((step + 1.4) / 9 * math.pi), turn + side * 52, wide=0.34
                    ),
                    colour,
                )


def _flower(canvas: Canvas, at: Point, size: float) -> None:
    rng, petals = canvas.rng, canvas.rng.choice((5, 6, 8))
    colour, turn = (
        rng.choice(
            (canvas.palette.accent(0.76, 0.16), canvas.palette.accent(0.88, 0.09), canvas.palette.paper())
        ),
        rng.uniform(0, 72),
    )
    for petal in range(petals):
        canvas.polygon(leaf(at, size, turn + petal * 360 / petals, wide=0.52), colour)
    canvas.disc(*at, size * 0.26, oklch(0.80, 0.15, 80))


def woodworking(canvas: Canvas) -> None:
    """Paint the end or the face of a board: rings and grain."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    hue, light = rng.uniform(48, 72), rng.uniform(0.52, 0.74)
    canvas.fill(oklch(light, 0.085, hue))
    if rng.random() < 0.5:
        _rings(canvas, light, hue)
        return
    boards, knots = rng.randint(3, 5), [(rng.random(), rng.random()) for _ in range(4)]
    for board in range(boards):
        top, tall = height * board / boards, height / boards
        shade = light + rng.uniform(-0.07, 0.07)
        canvas.box(0, top, width, top + tall, oklch(shade, 0.085, hue + rng.uniform(-6, 6)))
        _grain(canvas, (top, tall), knots[board % 4], (shade, hue))
        canvas.box(0, top + tall - 3, width, top + tall, oklch(shade - 0.25, 0.05, hue))


def _rings(canvas: Canvas, light: float, hue: float) -> None:
    rng, width, height = canvas.rng, canvas.width, canvas.height
    x, y = width * rng.uniform(0.3, 0.7), height * rng.uniform(0.3, 0.7)
    wobble = [(rng.uniform(0.02, 0.05), rng.randint(2, 5), rng.uniform(0, 360)) for _ in range(3)]
    radius, number = math.hypot(width, height) * 0.8, 0
    while radius > 6:
        reach = [
            1 + sum(size * math.sin(math.radians(step * often + shift)) for size, often, shift in wobble)
            for step in range(0, 360, 8)
        ]
        shape = [around(x, y, radius * far, 8 * step) for step, far in enumerate(reach)]
        tint = (0.05 if number % 2 else -0.045) * rng.uniform(0.5, 1.3)
        canvas.polygon(shape, oklch(light + tint, 0.09, hue + rng.uniform(-4, 4)))
        radius, number = radius - canvas.unit * rng.uniform(0.012, 0.04), number + 1
    for _ in range(rng.randint(2, 4)):
        turn = rng.uniform(0, 360)
        canvas.line(
            [(x, y), around(x, y, canvas.unit * rng.uniform(0.2, 0.5), turn)],
            oklch(light - 0.2, 0.06, hue),
            2,
        )


def _grain(
    canvas: Canvas, span: tuple[float, float], knot: tuple[float, float], wood: tuple[float, float]
) -> None:
    top, tall = span
    shade, hue = wood
    x, y = knot[0] * canvas.width, top + tall * (0.3 + 0.4 * knot[1])
    for line in range(1, 16):
        level = top + tall * line / 16
        away = (level - y) / tall
        push = math.copysign(1.0, away) * tall * 0.13 * math.exp(-abs(away) * 4)
        points = [
            (
                px,
                min(
                    max(
                        level
                        + push * math.exp(-(((px - x) / (canvas.unit * 0.12)) ** 2))
                        + math.sin(px / 90 + line) * 2,
                        top + 1,
                    ),
                    top + tall - 4,
                ),
            )
            for px in range(0, int(canvas.width) + 16, 14)
        ]
        canvas.line(
            [(float(px), py) for px, py in points],
            oklch(shade - 0.09, 0.08, hue),
            canvas.rng.uniform(1.0, 3.0),
        )
    canvas.disc(x, y, tall * 0.10, oklch(shade - 0.2, 0.07, hue), tall=0.7)
    canvas.disc(x, y, tall * 0.05, oklch(shade - 0.3, 0.05, hue), tall=0.7)


def sketching(canvas: Canvas) -> None:
    """Paint an ink drawing of hills on a page, with a wash of colour."""
    rng, width, height, palette = canvas.rng, canvas.width, canvas.height, canvas.palette
    canvas.fill(palette.base(0.60, 0.07))
    margin, paper, ink = canvas.unit * 0.06, palette.accent(0.965, 0.018), palette.base(0.30, 0.05)
    canvas.box(margin + 6, margin + 10, width - margin + 10, height - margin + 14, palette.ink(), alpha=80)
    canvas.box(margin, margin, width - margin, height - margin, paper)
    left, right, top, bottom = margin * 2, width - margin * 2, margin * 2, height - margin * 2
    span = right - left
    canvas.disc(
        left + span * rng.uniform(0.2, 0.8),
        top + (bottom - top) * 0.28,
        canvas.unit * 0.1,
        palette.accent(0.84, 0.12),
    )
    for layer in range(4):
        level = top + (bottom - top) * (0.42 + 0.13 * layer)
        line = [(left + x, y) for x, y in ridge(span, level, canvas.unit * 0.13, rng, rough=0.5) if x <= span]
        canvas.polygon(
            below(line, bottom), mixed(paper, palette.base(0.62, 0.10, layer * 14 - 20), 0.22 + 0.12 * layer)
        )
        _hatched(canvas, line, bottom, ink)
    _drawn_trees(canvas, left, span, bottom, ink)
    canvas.line(
        [
            (width - margin * 3.4, bottom - 8),
            (width - margin * 2.6, bottom - 14),
            (width - margin * 2.2, bottom - 8),
        ],
        ink,
        1.5,
    )


def _drawn_trees(canvas: Canvas, left: float, span: float, bottom: float, ink: RGB) -> None:
    rng = canvas.rng
    for _ in range(rng.randint(3, 6)):
        x, y, size = (
            left + span * rng.uniform(0.05, 0.95),
            bottom - canvas.unit * rng.uniform(0.02, 0.12),
            canvas.unit * rng.uniform(0.05, 0.1),
        )
        canvas.line([(x, y), (x, y - size)], ink, 2)
        blob = closed(
            [around(x, y - size * 1.3, size * rng.uniform(0.4, 0.62), turn) for turn in range(0, 360, 40)], 5
        )
        canvas.polygon(blob, canvas.palette.base(0.66, 0.11, 30), alpha=170)
        canvas.line([*blob, blob[0]], ink, 1.3)


def _hatched(canvas: Canvas, line: list[Point], bottom: float, ink: RGB) -> None:
    rng = canvas.rng
    for again in range(2):
        canvas.line(
            [(x + rng.uniform(-1, 1), y + rng.uniform(-1.2, 1.2) + again * 2) for x, y in line],
            ink,
            1.2,
            alpha=210,
        )
    for x, y in line[3 :: rng.randint(2, 4)]:
        reach = canvas.unit * rng.uniform(0.02, 0.06)
        canvas.line([(x, y + 5), (x - reach * 0.5, min(y + reach, bottom))], ink, 1, alpha=150)
