"""Scenes of the town: towers, markets, facades, cinemas."""

from nova.app.world.painting.canvas import Canvas
from nova.app.world.painting.colours import RGB, mixed
from nova.app.world.painting.outdoors import sky, sun
from nova.app.world.painting.shapes import Point, below, ridge


def street_photography(canvas: Canvas) -> None:
    """Paint towers at dusk, row behind row, with lit windows."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    light = rng.choice(("dusk", "night", "dusk"))
    far = sky(canvas, light)
    if rng.random() < 0.6:
        sun(canvas, width * rng.uniform(0.2, 0.8), height * rng.uniform(0.15, 0.4), canvas.unit * 0.06, light)
    near = canvas.palette.base(0.20, 0.05)
    for row in range(3):
        x, depth = -width * rng.uniform(0.0, 0.08), (row + 1) / 3
        while x < width:
            wide = canvas.unit * rng.uniform(0.08, 0.17) * (0.75 + 0.4 * depth)
            top = height * (0.30 + 0.18 * row + rng.uniform(-0.13, 0.16))
            _tower(canvas, (x, top), wide, mixed(far, near, 0.30 + 0.68 * depth), depth)
            x += wide + rng.choice((0.0, 0.0, canvas.unit * 0.015))


def _tower(canvas: Canvas, corner: Point, wide: float, wall: RGB, depth: float) -> None:
    rng, (x, top) = canvas.rng, corner
    lamp = canvas.palette.warm(0.90, 0.11)
    canvas.box(x, top, x + wide, canvas.height, wall)
    roof = rng.random()
    if roof < 0.2:
        canvas.polygon([(x, top), (x + wide / 2, top - wide * 0.35), (x + wide, top)], wall)
    elif roof < 0.45:
        canvas.box(x + wide * 0.3, top - wide * 0.3, x + wide * 0.7, top, wall)
        canvas.line([(x + wide / 2, top - wide * 0.3), (x + wide / 2, top - wide * 0.8)], wall, 2)
    pane = canvas.unit * 0.011 * (0.7 + 0.6 * depth)
    columns, lit = max(int(wide / (pane * 2.1)), 1), rng.uniform(0.2, 0.6)
    margin = (wide - columns * pane * 2.1 + pane * 1.1) / 2
    dark = mixed(wall, lamp, 0.10)
    y = top + pane * 2
    while y < canvas.height:
        for column in range(columns):
            left = x + margin + column * pane * 2.1
            glass = mixed(lamp, wall, rng.random() * 0.35) if rng.random() < lit else dark
            canvas.box(left, y, left + pane, y + pane * 1.4, glass)
        y += pane * 2.7


def night_markets(canvas: Canvas) -> None:
    """Paint strings of lanterns over the roofs of stalls."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    canvas.gradient(
        [canvas.palette.base(0.16, 0.05), canvas.palette.base(0.26, 0.08), canvas.palette.accent(0.40, 0.10)]
    )
    warm = (
        canvas.palette.warm(0.70, 0.18),
        canvas.palette.warm(0.84, 0.13),
        canvas.palette.accent(0.72, 0.15),
    )
    line = ridge(width, height * 0.52, canvas.unit * 0.1, rng, rough=0.2, step=width / 9)
    steps = [point for x, y in line for point in ((x, y), (x + width / 9, y))]
    canvas.polygon(below(steps, height), canvas.palette.base(0.20, 0.05))
    for string in range(3):
        _string(canvas, height * (0.10 + 0.15 * string), canvas.unit * (0.034 + 0.013 * string), warm)
    for stall in range(-1, 4):
        _stall(
            canvas, width * (stall * 0.3 + rng.uniform(-0.03, 0.03) + 0.05), height * 0.70, width * 0.27, warm
        )
    canvas.box(0, height * 0.93, width, height, canvas.palette.base(0.14, 0.04))


def _string(canvas: Canvas, level: float, size: float, warm: tuple[RGB, ...]) -> None:
    rng, width = canvas.rng, canvas.width
    sag, tilt, shift = (
        canvas.unit * rng.uniform(0.05, 0.1),
        canvas.unit * rng.uniform(-0.1, 0.1),
        rng.random(),
    )

    def hang(t: float) -> Point:
        return t * width, level + tilt * (t - 0.5) + sag * (1 - (2 * t - 1) ** 2)

    canvas.line([hang(step / 30) for step in range(31)], canvas.palette.base(0.10, 0.03), 1.5)
    count = int(width / (size * 3.1))
    for number in range(count + 1):
        x, y = hang((number + shift) / count)
        colour = rng.choice(warm)
        y += size * 1.1
        canvas.glow(x, y, size * 2.7, colour, 0.5)
        canvas.disc(x, y, size, colour, tall=0.86)
        canvas.disc(x, y, size * 0.62, mixed(colour, (255, 250, 225), 0.45), tall=1.35)
        for edge in (-0.88, 0.88):
            canvas.box(
                x - size * 0.36,
                y + size * edge - 2,
                x + size * 0.36,
                y + size * edge + 2,
                canvas.palette.base(0.2, 0.05),
            )
        canvas.line([(x, y + size), (x, y + size * 1.5)], colour, 1.5)


def _stall(canvas: Canvas, x: float, y: float, wide: float, warm: tuple[RGB, ...]) -> None:
    rng, unit = canvas.rng, canvas.unit
    colour, light, roof = rng.choice(warm), canvas.palette.paper(), unit * 0.085
    canvas.box(x + wide * 0.04, y, x + wide * 0.96, y + unit * 0.22, canvas.palette.accent(0.86, 0.09))
    canvas.glow(x + wide / 2, y + unit * 0.07, wide * 0.55, (255, 246, 214), 0.7)
    for _ in range(rng.randint(3, 6)):
        pot = x + wide * rng.uniform(0.15, 0.85)
        canvas.disc(
            pot,
            y + unit * 0.15,
            unit * rng.uniform(0.015, 0.03),
            canvas.palette.base(rng.uniform(0.3, 0.6), 0.1),
            tall=0.9,
        )
    canvas.box(x, y + unit * 0.16, x + wide, y + unit * 0.36, canvas.palette.base(0.27, 0.06))
    stripes = 8
    for stripe in range(stripes):
        left, shade = x + wide * stripe / stripes, light if stripe % 2 else colour
        lean = (stripe - stripes / 2) * wide * 0.012
        right = left + wide / stripes
        canvas.polygon(
            [
                (left - lean * 0.5, y - roof),
                (right - lean * 0.5, y - roof),
                (right + lean, y),
                (left + lean, y),
            ],
            shade,
        )
        canvas.disc((left + right) / 2 + lean, y, wide / stripes / 2, shade)


def architecture(canvas: Canvas) -> None:
    """Paint a facade of arches and windows with the shade of a slanting light."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    palette = canvas.palette
    wall = rng.choice((palette.base(0.86, 0.05), palette.accent(0.84, 0.07), palette.base(0.78, 0.08)))
    canvas.fill(wall)
    shade, deep = mixed(wall, palette.ink(), 0.20), palette.base(0.36, 0.08)
    columns, rows = rng.randint(3, 5), rng.randint(3, 5)
    wide, tall = width / columns, height / rows
    arched, lean = rng.random() < 0.65, rng.uniform(0.12, 0.3)
    for row in range(rows):
        canvas.box(0, row * tall, width, row * tall + tall * 0.045, mixed(wall, palette.paper(), 0.55))
        canvas.box(0, row * tall + tall * 0.045, width, row * tall + tall * 0.075, shade)
        for column in range(columns):
            left, top = column * wide + wide * 0.2, row * tall + tall * 0.24
            right, bottom = (column + 1) * wide - wide * 0.2, (row + 1) * tall - tall * 0.08
            glass = (
                palette.accent(0.80, 0.12)
                if rng.random() < 0.12
                else mixed(deep, palette.base(0.55, 0.1), rng.random() * 0.5)
            )
            _window(
                canvas,
                (
                    left + wide * lean * 0.3,
                    top + tall * 0.03,
                    right + wide * lean * 0.3,
                    bottom + tall * 0.03,
                ),
                shade,
                arched=arched,
            )
            _window(canvas, (left, top, right, bottom), mixed(wall, palette.paper(), 0.6), arched=arched)
            edge = wide * 0.035
            _window(canvas, (left + edge, top + edge, right - edge, bottom), glass, arched=arched)
            canvas.line([((left + right) / 2, top + edge), ((left + right) / 2, bottom)], wall, 2)
    slant = width * rng.uniform(0.3, 0.7)
    canvas.polygon([(0, height * 0.35), (slant, 0), (0, 0)], palette.ink(), alpha=44)
    canvas.polygon([(width, height * 0.5), (slant * 0.8, height), (width, height)], palette.ink(), alpha=36)


def _window(canvas: Canvas, corners: tuple[float, float, float, float], colour: RGB, *, arched: bool) -> None:
    left, top, right, bottom = corners
    half = (right - left) / 2
    if arched:
        canvas.disc(left + half, top + half, half, colour)
        canvas.box(left, top + half, right, bottom, colour)
    else:
        canvas.box(left, top, right, bottom, colour)


def film(canvas: Canvas) -> None:
    """Paint rows of seats before a bright screen."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    palette = canvas.palette
    canvas.gradient([palette.base(0.13, 0.04), palette.base(0.20, 0.06), palette.base(0.12, 0.04)])
    left, right, top, bottom = width * 0.09, width * 0.91, height * 0.12, height * 0.50
    canvas.glow(width / 2, height * 0.32, width * 0.75, palette.accent(0.72, 0.09), 0.6)
    canvas.pill(left, top, right, bottom, palette.accent(0.94, 0.04), radius=canvas.unit * 0.012)
    horizon, middle = bottom - (bottom - top) * 0.32, (left + right) / 2
    canvas.disc(
        middle + width * rng.uniform(-0.2, 0.2),
        horizon - canvas.unit * 0.04,
        canvas.unit * 0.075,
        palette.accent(0.82, 0.15),
    )
    line = [
        (left + x * (right - left) / width, y)
        for x, y in ridge(width, horizon, canvas.unit * 0.08, rng, rough=0.5)
        if x <= width
    ]
    canvas.polygon(below(line, bottom), palette.base(0.52, 0.10))
    canvas.box(left, horizon + canvas.unit * 0.05, right, bottom, palette.base(0.40, 0.09))
    _seats(canvas)


def _seats(canvas: Canvas) -> None:
    rng, width, height, palette = canvas.rng, canvas.width, canvas.height, canvas.palette
    for row in range(4):
        y, size = height * (0.60 + 0.115 * row), canvas.unit * (0.052 + 0.017 * row)
        seat = palette.base(0.36 - 0.06 * row, 0.10, 150)
        shift = (row % 2) * size * 1.2
        x = -shift
        while x < width + size:
            canvas.pill(x - size, y, x + size, height, seat, radius=size * 0.42)
            canvas.pill(
                x - size * 0.8,
                y + size * 0.14,
                x + size * 0.8,
                height,
                mixed(seat, palette.ink(), 0.25),
                radius=size * 0.34,
            )
            if rng.random() < 0.16:
                canvas.disc(x, y - size * 0.22, size * 0.4, palette.base(0.10, 0.02), tall=1.15)
                canvas.pill(
                    x - size * 0.62,
                    y + size * 0.1,
                    x + size * 0.62,
                    y + size * 1.1,
                    palette.base(0.10, 0.02),
                    radius=size * 0.4,
                )
            x += size * 2.35
