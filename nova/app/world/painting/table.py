"""Scenes of the table: bowls, cups and loaves."""

import math

from nova.app.world.painting.canvas import Canvas
from nova.app.world.painting.colours import RGB, mixed, oklch
from nova.app.world.painting.shapes import Point, around, closed, curve, leaf


def ramen(canvas: Canvas) -> None:
    """Paint a bowl of noodles from above."""
    rng, palette = canvas.rng, canvas.palette
    _tabletop(canvas)
    x, y, radius = canvas.width / 2, canvas.height / 2, canvas.unit * rng.uniform(0.38, 0.42)
    _dish(canvas, (x, y), radius, palette.base(0.36, 0.10), palette.base(0.93, 0.03))
    pattern = palette.accent(0.62, 0.16)
    for turn in range(0, 360, 15):
        canvas.disc(*around(x, y, radius * 0.92, turn), radius * 0.03, pattern)
    broth = oklch(rng.uniform(0.58, 0.76), 0.11, rng.uniform(52, 72))
    canvas.disc(x, y, radius * 0.84, mixed(broth, palette.ink(), 0.18))
    canvas.disc(x, y, radius * 0.81, broth)
    for _ in range(18):
        px, py = around(x, y, radius * 0.74 * math.sqrt(rng.random()), rng.uniform(0, 360))
        canvas.ring(px, py, radius * rng.uniform(0.02, 0.05), mixed(broth, (255, 236, 170), 0.5), 1.5)
    _noodles(canvas, x, y, radius * 0.62)
    side = rng.uniform(0, 360)
    _nori(canvas, *around(x, y, radius * 0.62, side), radius, side)
    for step in range(2):
        _egg(canvas, *around(x, y, radius * 0.50, side + 105 + 45 * step), radius * 0.20)
    for step in range(3):
        _pork(canvas, *around(x, y, radius * 0.46, side + 205 + 32 * step), radius * 0.24)
    for _ in range(26):
        px, py = around(x, y, radius * 0.4 * math.sqrt(rng.random()), rng.uniform(0, 360))
        canvas.ring(px, py, radius * rng.uniform(0.022, 0.038), oklch(rng.uniform(0.6, 0.8), 0.15, 135), 2.5)
    _chopsticks(canvas, x, y, radius)


def _noodles(canvas: Canvas, x: float, y: float, radius: float) -> None:
    rng = canvas.rng
    for strand in range(26):
        turn = rng.uniform(0, 360)
        points = [around(x, y, radius * rng.uniform(0.3, 1.0), turn + step * 38) for step in range(4)]
        canvas.line(curve(points, 7), oklch(0.86 + 0.05 * (strand % 3) / 2, 0.085, 88), radius * 0.055)


def _egg(canvas: Canvas, x: float, y: float, size: float) -> None:
    canvas.disc(x + size * 0.08, y + size * 0.1, size, canvas.palette.ink(), alpha=60, tall=1.15)
    canvas.disc(x, y, size, oklch(0.87, 0.05, 70), tall=1.15)
    canvas.disc(x, y, size * 0.88, oklch(0.97, 0.012, 90), tall=1.15)
    canvas.disc(x, y + size * 0.1, size * 0.5, oklch(0.74, 0.16, 62))
    canvas.disc(x - size * 0.12, y, size * 0.22, oklch(0.85, 0.13, 75))


def _pork(canvas: Canvas, x: float, y: float, size: float) -> None:
    canvas.disc(x + size * 0.08, y + size * 0.1, size, canvas.palette.ink(), alpha=50)
    canvas.disc(x, y, size, oklch(0.52, 0.08, 40))
    canvas.disc(x, y, size * 0.9, oklch(0.80, 0.06, 45))
    canvas.arc(x, y, size * 0.66, (20, 250), oklch(0.66, 0.08, 35), width=size * 0.16)
    canvas.arc(x, y, size * 0.36, (160, 400), oklch(0.90, 0.03, 60), width=size * 0.14)


def _nori(canvas: Canvas, x: float, y: float, radius: float, turn: float) -> None:
    for lean, light in ((-16, 0.30), (4, 0.25)):
        corners = [around(x, y, radius * 0.36, turn + lean + corner) for corner in (38, 142, 218, 322)]
        canvas.polygon(corners, oklch(light, 0.04, 160))


def _chopsticks(canvas: Canvas, x: float, y: float, radius: float) -> None:
    slope = canvas.rng.uniform(-0.16, 0.16)
    for gap in (0.0, radius * 0.11):
        left = (x - radius * 1.5, y + radius * 1.02 + gap - slope * radius)
        right = (x + radius * 1.5, y + radius * 1.02 + gap * 0.4 + slope * radius)
        canvas.line(
            [(left[0], left[1] + 5), (right[0], right[1] + 5)], canvas.palette.ink(), radius * 0.045, alpha=60
        )
        canvas.line([left, right], canvas.palette.accent(0.48, 0.12), radius * 0.045)


def coffee(canvas: Canvas) -> None:
    """Paint a cup from above with a leaf or a heart in the milk."""
    rng, palette = canvas.rng, canvas.palette
    _tabletop(canvas)
    x, y = canvas.width * rng.uniform(0.46, 0.54), canvas.height * rng.uniform(0.46, 0.54)
    radius, glaze = canvas.unit * rng.uniform(0.27, 0.31), palette.base(rng.choice((0.93, 0.55, 0.75)), 0.08)
    _dish(
        canvas, (x, y), radius * 1.42, mixed(glaze, palette.ink(), 0.10), mixed(glaze, palette.paper(), 0.35)
    )
    canvas.disc(x, y, radius * 0.95, mixed(glaze, palette.ink(), 0.14))
    handle = rng.uniform(-40, 40)
    canvas.stroke([around(x, y, radius, handle), around(x, y, radius * 1.36, handle)], glaze, radius * 0.24)
    canvas.disc(x + radius * 0.05, y + radius * 0.07, radius * 1.03, palette.ink(), alpha=60)
    canvas.disc(x, y, radius, glaze)
    canvas.disc(x, y, radius * 0.9, mixed(glaze, palette.ink(), 0.3))
    canvas.disc(x, y, radius * 0.87, oklch(0.42, 0.075, 50))
    canvas.disc(x, y, radius * 0.80, oklch(0.56, 0.09, 58))
    canvas.glow(x - radius * 0.3, y - radius * 0.3, radius * 0.7, oklch(0.70, 0.09, 62), 0.5)
    (_rosetta if rng.random() < 0.6 else _heart)(canvas, x, y, radius * 0.66, handle - 90)
    for _ in range(rng.randint(0, 7)):
        _bean(canvas, *around(x, y, radius * rng.uniform(1.6, 2.2), rng.uniform(0, 360)), radius * 0.1)


def _rosetta(canvas: Canvas, x: float, y: float, size: float, turn: float) -> None:
    milk = oklch(0.95, 0.03, 80)
    for petal in range(7):
        along, span = 0.85 - petal * 0.25, 0.32 + 0.36 * math.sin((petal + 1) / 8 * math.pi)
        middle = around(x, y, size * along, turn)
        for side in (-1, 1):
            tip = around(*around(*middle, size * span, turn + side * 62), size * 0.12, turn)
            root = around(*middle, size * 0.20, turn + 180)
            bend = around(*middle, size * span * 0.75, turn + side * 100)
            canvas.polygon(
                curve([root, bend, tip], 6)
                + curve([tip, around(*middle, size * span * 0.4, turn + side * 55), middle], 6),
                milk,
            )
    canvas.line([around(x, y, size, turn), around(x, y, size * 0.95, turn + 180)], milk, size * 0.055)


def _heart(canvas: Canvas, x: float, y: float, size: float, turn: float) -> None:
    for grow, shade in ((1.0, 0.86), (0.82, 0.60), (0.66, 0.95)):
        shape = []
        for step in range(40):
            t = step / 40 * math.tau
            px, py = (
                16 * math.sin(t) ** 3,
                13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t),
            )
            away, lean = math.hypot(px, py) / 17, math.degrees(math.atan2(-py, px))
            shape.append(around(x, y, size * grow * away, lean + turn + 90))
        canvas.polygon(shape, oklch(shade, 0.05, 70))


def _bean(canvas: Canvas, x: float, y: float, size: float) -> None:
    turn = canvas.rng.uniform(0, 180)
    shape = [
        around(x, y, size * (1.0 if abs(math.cos(math.radians(step - turn))) > 0.7 else 0.75), step)
        for step in range(0, 360, 30)
    ]
    canvas.polygon(closed(shape, 4), oklch(0.32, 0.06, 45))
    canvas.line(
        [around(x, y, size * 0.85, turn), around(x, y, size * 0.85, turn + 180)],
        oklch(0.22, 0.04, 45),
        size * 0.14,
    )


def tea(canvas: Canvas) -> None:
    """Paint a teapot and a cup on a table, with steam."""
    rng, width, height, palette = canvas.rng, canvas.width, canvas.height, canvas.palette
    canvas.gradient([palette.base(0.90, 0.05), palette.base(0.84, 0.06)])
    sun_x = width * rng.uniform(0.3, 0.7)
    canvas.disc(sun_x, height * 0.38, canvas.unit * rng.uniform(0.26, 0.32), palette.accent(0.86, 0.09))
    table = height * 0.76
    canvas.box(0, table, width, height, palette.base(0.46, 0.08))
    canvas.box(0, table, width, table + canvas.unit * 0.014, palette.base(0.58, 0.08))
    side = rng.choice((-1, 1))
    x, size, glaze = (
        width * (0.5 - 0.07 * side),
        canvas.unit * rng.uniform(0.20, 0.23),
        palette.accent(rng.uniform(0.45, 0.66), 0.13),
    )
    _teapot(canvas, (x, table), size, side, glaze)
    _cup(canvas, x + side * size * 1.95, table, size * 0.5, palette.paper())
    for wisp in range(2):
        foot = x + side * size * (1.8 + 0.3 * wisp)
        points = [
            (foot + math.sin(step * 1.3 + wisp) * size * 0.12, table - size * (0.65 + 0.27 * step))
            for step in range(6)
        ]
        canvas.line(curve(points, 8), palette.paper(), size * 0.07, alpha=150)


def _teapot(canvas: Canvas, foot: Point, size: float, side: int, glaze: RGB) -> None:
    palette, (x, table) = canvas.palette, foot
    y = table - size * 0.66
    canvas.disc(x, table + size * 0.12, size * 1.15, palette.ink(), alpha=70, tall=0.16)
    canvas.line(
        curve(
            [
                (x + side * size * 0.8, y + size * 0.2),
                (x + side * size * 1.3, y - size * 0.05),
                (x + side * size * 1.55, y - size * 0.55),
            ],
            8,
        ),
        glaze,
        size * 0.24,
    )
    canvas.arc(x - side * size * 1.05, y, size * 0.52, (0, 360), glaze, width=size * 0.15)
    canvas.disc(x, y, size, glaze, tall=0.82)
    canvas.box(
        x - size * 0.55, y + size * 0.6, x + size * 0.55, y + size * 0.84, mixed(glaze, palette.ink(), 0.2)
    )
    canvas.disc(x - size * 0.25, y - size * 0.2, size * 0.55, mixed(glaze, palette.paper(), 0.22), tall=0.75)
    canvas.disc(x, y - size * 0.70, size * 0.56, mixed(glaze, palette.ink(), 0.16), tall=0.26)
    canvas.disc(x, y - size * 0.92, size * 0.12, mixed(glaze, palette.ink(), 0.3))
    for band in range(3):
        canvas.line(
            [
                (x - size * 0.98, y + size * (0.02 + 0.09 * band)),
                (x + size * 0.98, y + size * (0.02 + 0.09 * band)),
            ],
            mixed(glaze, palette.paper(), 0.45),
            2,
            alpha=130,
        )


def _cup(canvas: Canvas, x: float, table: float, size: float, colour: RGB) -> None:
    canvas.disc(x, table + size * 0.12, size * 1.1, canvas.palette.ink(), alpha=60, tall=0.18)
    canvas.polygon(
        [
            (x - size, table - size * 1.05),
            (x + size, table - size * 1.05),
            *curve(
                [
                    (x + size, table - size * 1.05),
                    (x + size * 0.8, table - size * 0.25),
                    (x + size * 0.45, table + size * 0.05),
                ],
                6,
            ),
            (x - size * 0.45, table + size * 0.05),
            *curve(
                [
                    (x - size * 0.45, table + size * 0.05),
                    (x - size * 0.8, table - size * 0.25),
                    (x - size, table - size * 1.05),
                ],
                6,
            ),
        ],
        colour,
    )
    canvas.disc(x, table - size * 1.05, size, mixed(colour, canvas.palette.ink(), 0.12), tall=0.24)
    canvas.disc(x, table - size * 1.02, size * 0.86, oklch(0.62, 0.12, 65), tall=0.2)


def baking(canvas: Canvas) -> None:
    """Paint round loaves and buns on a board, from above."""
    rng, width, height, palette = canvas.rng, canvas.width, canvas.height, canvas.palette
    _tabletop(canvas)
    for _ in range(80):
        canvas.disc(
            rng.random() * width, rng.random() * height, rng.uniform(0.6, 2.4), palette.paper(), alpha=150
        )
    spots: list[tuple[float, float, float]] = []
    sizes = [0.27, 0.20, 0.17, 0.15, 0.12, 0.12, 0.11, 0.10, 0.10]
    for size in sizes:
        for _ in range(30):
            x, y, radius = (
                rng.uniform(0.08, 0.92) * width,
                rng.uniform(0.08, 0.92) * height,
                canvas.unit * size,
            )
            if all(math.hypot(x - ox, y - oy) > (radius + other) * 1.06 for ox, oy, other in spots):
                spots.append((x, y, radius))
                (_loaf if size >= 0.15 else rng.choice((_roll, _swirl)))(canvas, x, y, radius)
                break


def _loaf(canvas: Canvas, x: float, y: float, radius: float) -> None:
    rng = canvas.rng
    crust = oklch(rng.uniform(0.54, 0.64), 0.11, rng.uniform(55, 66))
    canvas.disc(x + radius * 0.07, y + radius * 0.1, radius, canvas.palette.ink(), alpha=90)
    canvas.disc(x, y, radius, mixed(crust, (60, 30, 15), 0.35))
    canvas.disc(x - radius * 0.03, y - radius * 0.04, radius * 0.93, crust)
    canvas.glow(x - radius * 0.25, y - radius * 0.3, radius * 0.75, oklch(0.80, 0.10, 75), 0.6)
    turn, flour = rng.uniform(0, 180), oklch(0.95, 0.025, 85)
    if rng.random() < 0.5:
        for side in range(4):
            bend = [
                around(
                    *around(x, y, radius * (0.75 - 0.5 * step / 4), turn + side * 90 + step * 9),
                    radius * 0.1,
                    turn,
                )
                for step in range(5)
            ]
            canvas.line(curve(bend, 5), flour, radius * 0.05)
            for step, point in enumerate(bend):
                canvas.polygon(leaf(point, radius * 0.26, turn + side * 90 + 60 + step * 4), flour)
    else:
        for cut in range(-2, 3):
            middle = around(x, y, radius * 0.32 * cut, turn)
            half = radius * math.sqrt(max(1 - (0.32 * cut) ** 2, 0.0)) * 0.72
            ends = [
                around(*middle, half, turn + 90),
                around(*middle, radius * 0.09, turn),
                around(*middle, half, turn - 90),
            ]
            back = around(*middle, radius * 0.09, turn + 180)
            canvas.polygon(curve(ends, 8) + curve([ends[2], back, ends[0]], 8), oklch(0.88, 0.06, 80))


def _roll(canvas: Canvas, x: float, y: float, radius: float) -> None:
    canvas.disc(x + radius * 0.08, y + radius * 0.12, radius, canvas.palette.ink(), alpha=90)
    canvas.disc(x, y, radius, oklch(0.60, 0.12, 62))
    canvas.disc(x - radius * 0.06, y - radius * 0.08, radius * 0.82, oklch(0.70, 0.12, 68))
    canvas.disc(x - radius * 0.2, y - radius * 0.26, radius * 0.42, oklch(0.79, 0.10, 74))
    for _ in range(22):
        canvas.disc(
            *around(x, y, radius * 0.7 * math.sqrt(canvas.rng.random()), canvas.rng.uniform(0, 360)),
            radius * 0.045,
            oklch(0.93, 0.04, 85),
            tall=0.7,
        )


def _swirl(canvas: Canvas, x: float, y: float, radius: float) -> None:
    canvas.disc(x + radius * 0.08, y + radius * 0.12, radius, canvas.palette.ink(), alpha=90)
    canvas.disc(x, y, radius, oklch(0.66, 0.12, 62))
    start = canvas.rng.uniform(0, 360)
    spiral = [around(x, y, radius * (0.06 + 0.88 * step / 60), start + step * 16) for step in range(61)]
    canvas.line(spiral, oklch(0.42, 0.09, 45), radius * 0.10)
    icing = [
        around(x, y, radius * (0.8 - 1.5 * step / 5), start + (20 if step % 2 else -20)) for step in range(6)
    ]
    canvas.line(curve(icing, 6), oklch(0.97, 0.01, 80), radius * 0.12)


def _tabletop(canvas: Canvas) -> None:
    """Cover the canvas with a cloth, a stone or boards."""
    rng, width, height, palette = canvas.rng, canvas.width, canvas.height, canvas.palette
    ground, kind = palette.accent(rng.choice((0.40, 0.74, 0.86)), 0.07), rng.random()
    canvas.fill(ground)
    other = mixed(ground, palette.paper(), 0.10)
    if kind < 0.35:
        step = canvas.unit * rng.uniform(0.1, 0.16)
        for index in range(int(width / step) + 1):
            canvas.box(index * step, 0, index * step + step / 2, height, other, alpha=140)
        for index in range(int(height / step) + 1):
            canvas.box(0, index * step, width, index * step + step / 2, other, alpha=140)
    elif kind < 0.7:
        boards = rng.randint(4, 6)
        for board in range(boards):
            canvas.box(
                0,
                height * board / boards,
                width,
                height * (board + 1) / boards - 3,
                mixed(ground, palette.paper(), rng.random() * 0.12),
            )
    canvas.glow(width * 0.2, height * 0.1, canvas.unit * 0.7, palette.paper(), 0.3)


def _dish(canvas: Canvas, at: Point, radius: float, rim: RGB, inside: RGB) -> None:
    x, y = at
    for spread, alpha in ((1.07, 30), (1.04, 45)):
        canvas.disc(x + radius * 0.05, y + radius * 0.08, radius * spread, canvas.palette.ink(), alpha=alpha)
    canvas.disc(x, y, radius, rim)
    canvas.disc(x, y, radius * 0.96, inside)
