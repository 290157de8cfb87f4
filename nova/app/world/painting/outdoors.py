"""Scenes under the sky: hills, peaks, waves, birds, stars."""

import math

from nova.app.world.painting.canvas import Canvas
from nova.app.world.painting.colours import RGB, mixed
from nova.app.world.painting.shapes import Point, around, below, curve, ridge

_LIGHTS = ("dawn", "day", "dusk", "night")


def sky(canvas: Canvas, light: str) -> RGB:
    """Paint the sky of a time of day, and return the colour that the distance fades into."""
    tone, warm = canvas.palette.base, canvas.palette.warm
    match light:
        case "dawn":
            stops = [tone(0.80, 0.07), tone(0.90, 0.05, 25), warm(0.92, 0.07)]
        case "day":
            stops = [tone(0.78, 0.09), tone(0.88, 0.06), tone(0.95, 0.025)]
        case "dusk":
            stops = [tone(0.42, 0.10), tone(0.62, 0.12, 25), warm(0.80, 0.12), warm(0.89, 0.09)]
        case _:
            stops = [tone(0.17, 0.05), tone(0.26, 0.08), tone(0.40, 0.09, 15)]
    canvas.gradient(stops, bottom=canvas.height * 0.78)
    canvas.box(0, canvas.height * 0.77, canvas.width, canvas.height, stops[-1])
    return stops[-1]


def sun(canvas: Canvas, x: float, y: float, radius: float, light: str) -> None:
    """Paint the sun, or the moon at night, with its light around it."""
    colour = canvas.palette.warm(0.96, 0.03) if light == "night" else canvas.palette.warm(0.90, 0.11)
    canvas.glow(x, y, radius * 3.4, colour, 0.55)
    canvas.disc(x, y, radius, colour)


def hiking(canvas: Canvas) -> None:
    """Paint mountains, one behind another, with pines in front and mist between."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    light = rng.choice(_LIGHTS)
    far = sky(canvas, light)
    sun(
        canvas,
        width * rng.uniform(0.2, 0.8),
        height * rng.uniform(0.16, 0.32),
        canvas.unit * rng.uniform(0.05, 0.1),
        light,
    )
    near = canvas.palette.base(0.15 if light == "night" else 0.27, 0.07)
    layers = rng.randint(5, 7)
    for layer in range(layers):
        depth = (layer + 1) / layers
        level = height * (0.38 + 0.5 * depth**1.15)
        line = ridge(width, level, canvas.unit * (0.20 - 0.09 * depth), rng, rough=0.9 - 0.4 * depth)
        colour = mixed(far, near, 0.16 + 0.84 * depth**1.2)
        canvas.polygon(below(line, height), colour)
        if layer < layers - 3:
            canvas.glow(width * rng.uniform(0, 1), level + canvas.unit * 0.17, canvas.unit * 0.36, far, 0.4)
        else:
            _pines(canvas, line, colour, canvas.unit * (0.05 + 0.05 * (layer - layers + 2)))


def _pines(canvas: Canvas, line: list[Point], colour: RGB, size: float) -> None:
    for x, y in line[:: max(int(size / 7), 2)]:
        if canvas.rng.random() < 0.72:
            tall = size * canvas.rng.uniform(0.6, 1.35)
            for tier in range(3):
                top, wide = y - tall * (1 - tier * 0.24), tall * (0.10 + 0.06 * tier)
                canvas.polygon(
                    [(x, top), (x - wide, top + tall * 0.42), (x + wide, top + tall * 0.42)], colour
                )


def cycling(canvas: Canvas) -> None:
    """Paint hills, and a road that winds over them towards a low sun."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    light = rng.choice(("dawn", "day", "dusk"))
    far = sky(canvas, light)
    at = width * rng.uniform(0.3, 0.7)
    sun(canvas, at, height * 0.33, canvas.unit * rng.uniform(0.08, 0.13), light)
    tone = canvas.palette.base
    for layer in range(3):
        line = ridge(width, height * (0.42 + 0.05 * layer), canvas.unit * 0.12, rng, rough=0.1)
        canvas.polygon(below(line, height), mixed(far, tone(0.5, 0.11, 40), 0.30 + 0.22 * layer))
    line = ridge(width, height * 0.57, canvas.unit * 0.05, rng, rough=0.0)
    canvas.polygon(below(line, height), tone(0.58, 0.12, 45))
    _road(canvas, at, height * 0.56)
    for _ in range(rng.randint(5, 11)):
        y = rng.uniform(0.60, 0.9) * height
        x, size = rng.uniform(0, 1) * width, canvas.unit * 0.10 * (y / height - 0.42)
        canvas.disc(x, y, size, tone(0.40, 0.10, 50), tall=1.25)
        canvas.disc(x - size * 0.25, y - size * 0.25, size * 0.7, tone(0.50, 0.12, 45), tall=1.2)


def _road(canvas: Canvas, x: float, top: float) -> None:
    rng, height = canvas.rng, canvas.height
    swing = canvas.width * rng.choice((-1, 1)) * rng.uniform(0.15, 0.24)
    left, right, middle = [], [], []
    for step in range(41):
        t = step / 40
        y = top + (height - top) * t**1.5
        centre = x + swing * math.sin(t * math.pi * 1.7) * (0.15 + t)
        half = canvas.unit * (0.006 + 0.16 * t**1.6)
        left.append((centre - half, y))
        right.append((centre + half, y))
        middle.append((centre, y))
    canvas.polygon([*left, *reversed(right)], canvas.palette.base(0.86, 0.02, 20))
    for start in range(6, 39, 4):
        canvas.line(middle[start : start + 2], canvas.palette.accent(0.98, 0.02), 1 + start * 0.13)


def climbing(canvas: Canvas) -> None:
    """Paint sharp peaks with one side in the sun."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    light = rng.choice(_LIGHTS)
    far = sky(canvas, light)
    sun(canvas, width * rng.uniform(0.1, 0.3), height * rng.uniform(0.14, 0.3), canvas.unit * 0.06, light)
    lit = canvas.palette.warm(0.86, 0.08)
    for layer in range(3):
        depth = (layer + 1) / 3
        for _ in range(4 - layer):
            x, base = width * rng.uniform(0.02, 0.98), height * (0.72 + 0.14 * layer)
            tall = height * rng.uniform(0.34, 0.56) * (0.75 + 0.25 * depth)
            shade = mixed(far, canvas.palette.base(0.30, 0.06), 0.25 + 0.7 * depth)
            _peak(canvas, (x, base), tall, shade, mixed(shade, lit, 0.62 * (0.6 + 0.4 * depth)))
    line = ridge(width, height * 0.93, canvas.unit * 0.05, rng, rough=0.4)
    canvas.polygon(below(line, height), canvas.palette.base(0.22, 0.05))


def _peak(canvas: Canvas, foot: Point, tall: float, shade: RGB, lit: RGB) -> None:
    rng, (x, base) = canvas.rng, foot
    wide, top = tall * rng.uniform(0.55, 0.75), base - tall
    crack = [(x + wide * 0.16 * rng.uniform(-1, 1) * step / 3, top + tall * step / 5) for step in range(6)]
    crack[0] = (x, top)
    canvas.polygon(
        [(x, top), (x + wide, base), (x + wide, base + tall), (x - wide, base + tall), (x - wide, base)],
        shade,
    )
    canvas.polygon([*crack, (x - wide, base)], lit)
    for step in range(1, 5):
        here, then = crack[step], crack[step + 1]
        side = (x + wide * (step / 5) * 0.8, top + tall * (step + 0.6) / 5)
        canvas.polygon([here, then, side], mixed(shade, canvas.palette.ink(), 0.14 * (step % 2) + 0.06))
    cap = [(x, top), crack[1], (x - wide * 0.13, top + tall * 0.26), (x - wide * 0.2, top + tall * 0.2)]
    canvas.polygon(cap, canvas.palette.paper())


def surfing(canvas: Canvas) -> None:
    """Paint rows of waves under a large sun."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    light = rng.choice(("dawn", "day", "dusk", "dusk"))
    far = sky(canvas, light)
    sun(canvas, width * rng.uniform(0.3, 0.7), height * 0.36, canvas.unit * rng.uniform(0.16, 0.22), light)
    deep = canvas.palette.base(0.34, 0.10, -10)
    rows = rng.randint(6, 8)
    for row in range(rows):
        depth = (row + 1) / rows
        level = height * (0.40 + 0.54 * depth**1.1)
        length, crest, shift = (
            width * (0.16 + 0.20 * depth),
            canvas.unit * (0.012 + 0.045 * depth),
            rng.uniform(0, 9),
        )
        line = [
            (x, level - crest * abs(math.sin(x / length * math.pi + shift)) ** 1.6 * 2)
            for x in range(0, int(width) + 7, 6)
        ]
        points = [(float(x), y) for x, y in line]
        canvas.polygon(below(points, height), mixed(far, deep, 0.25 + 0.75 * depth))
        canvas.line(points, canvas.palette.base(0.96, 0.03), 1 + 3 * depth, alpha=150 if row % 2 else 90)


def birds(canvas: Canvas) -> None:
    """Paint a flock before a pale sun, over reeds or a hill."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    light = rng.choice(("dawn", "dusk", "dusk", "day"))
    far = sky(canvas, light)
    x, y = width * rng.uniform(0.3, 0.7), height * rng.uniform(0.3, 0.45)
    sun(canvas, x, y, canvas.unit * rng.uniform(0.14, 0.2), light)
    dark = canvas.palette.base(0.27, 0.06)
    for layer in range(2):
        line = ridge(width, height * (0.80 + 0.08 * layer), canvas.unit * 0.08, rng, rough=0.2)
        canvas.polygon(below(line, height), mixed(far, dark, 0.45 + 0.4 * layer))
    for _ in range(rng.randint(9, 22)):
        away = rng.random()
        _bird(
            canvas,
            x + width * rng.gauss(0, 0.2),
            y + height * rng.gauss(-0.03, 0.12),
            canvas.unit * (0.018 + 0.045 * away**2),
            dark,
        )
    for _ in range(70):
        foot = rng.uniform(-0.02, 1.02) * width
        lean, tall = rng.uniform(-0.03, 0.05) * width, rng.uniform(0.06, 0.2) * height
        canvas.line(
            curve(
                [(foot, height), (foot + lean * 0.3, height - tall * 0.6), (foot + lean, height - tall)], 4
            ),
            dark,
            1.6,
        )


def _bird(canvas: Canvas, x: float, y: float, size: float, colour: RGB) -> None:
    lift = canvas.rng.uniform(-0.25, 0.75)
    left = curve([(x - size, y - size * lift), (x - size * 0.45, y - size * (lift * 0.6 + 0.25)), (x, y)], 5)
    right = curve([(x, y), (x + size * 0.45, y - size * (lift * 0.6 + 0.25)), (x + size, y - size * lift)], 5)
    canvas.polygon(
        [
            *left,
            *right,
            (x + size * 0.4, y - size * 0.04),
            (x, y + size * 0.22),
            (x - size * 0.4, y - size * 0.04),
        ],
        colour,
    )


def astronomy(canvas: Canvas) -> None:
    """Paint stars and a constellation above dark hills, at times with a ringed planet."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    sky(canvas, "night")
    star = canvas.palette.warm(0.97, 0.03)
    for _ in range(2):
        canvas.glow(
            width * rng.random(),
            height * rng.uniform(0.1, 0.6),
            canvas.unit * 0.5,
            canvas.palette.accent(0.55, 0.13),
            0.4,
        )
    for _ in range(190):
        canvas.disc(
            width * rng.random(),
            height * 0.85 * rng.random(),
            0.5 + 1.6 * rng.random() ** 4,
            star,
            alpha=rng.randint(90, 240),
        )
    if rng.random() < 0.5:
        _planet(
            canvas,
            width * rng.uniform(0.3, 0.7),
            height * rng.uniform(0.25, 0.45),
            canvas.unit * rng.uniform(0.1, 0.17),
        )
    else:
        _constellation(canvas, star)
    for layer in range(3):
        line = ridge(width, height * (0.78 + 0.07 * layer), canvas.unit * 0.10, rng, rough=0.3)
        canvas.polygon(below(line, height), canvas.palette.base(0.22 - 0.05 * layer, 0.05))


def _constellation(canvas: Canvas, star: RGB) -> None:
    rng, unit = canvas.rng, canvas.unit
    x, y, heading = (
        canvas.width * rng.uniform(0.18, 0.3),
        canvas.height * rng.uniform(0.25, 0.5),
        rng.uniform(-30, 10),
    )
    points = [(x, y)]
    for _ in range(rng.randint(5, 7)):
        heading = max(-75.0, min(heading + rng.uniform(-75, 75), 75.0))
        x, y = around(x, y, unit * rng.uniform(0.09, 0.16), heading)
        points.append(
            (
                min(max(x, unit * 0.06), canvas.width - unit * 0.06),
                min(max(y, unit * 0.06), canvas.height * 0.64),
            )
        )
    canvas.line(points, star, 1.2, alpha=120)
    for x, y in points:
        canvas.glow(x, y, unit * 0.045, star, 0.8)
        canvas.disc(x, y, unit * rng.uniform(0.006, 0.011), star)


def _planet(canvas: Canvas, x: float, y: float, radius: float) -> None:
    accent = canvas.palette.accent
    canvas.glow(x, y, radius * 2.4, accent(0.7, 0.12), 0.5)
    tilt, ring = math.radians(canvas.rng.uniform(-25, 25)), accent(0.88, 0.06)

    def orbit(first: int, last: int) -> list[Point]:
        flat = [around(0, 0, radius * 1.75, degrees, tall=0.3) for degrees in range(first, last, 4)]
        return [
            (x + px * math.cos(tilt) - py * math.sin(tilt), y + px * math.sin(tilt) + py * math.cos(tilt))
            for px, py in flat
        ]

    canvas.line(orbit(180, 364), ring, radius * 0.09)
    canvas.disc(x, y, radius, accent(0.76, 0.12))
    canvas.disc(x - radius * 0.14, y - radius * 0.12, radius * 0.82, accent(0.82, 0.11, 12))
    canvas.line(orbit(0, 184), ring, radius * 0.09)
