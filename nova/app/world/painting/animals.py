"""Portraits of cats and dogs."""

from nova.app.world.painting.canvas import Canvas
from nova.app.world.painting.colours import RGB, mixed, oklch
from nova.app.world.painting.outdoors import sky, sun
from nova.app.world.painting.shapes import Point, around, closed, curve

_FURS = (
    (0.24, 0.02, 60),
    (0.36, 0.05, 50),
    (0.62, 0.11, 62),
    (0.80, 0.06, 75),
    (0.94, 0.015, 80),
    (0.55, 0.02, 250),
)


def cats(canvas: Canvas) -> None:
    """Paint a cat on the sill of a bright window."""
    rng, width, height, palette = canvas.rng, canvas.width, canvas.height, canvas.palette
    light = rng.choice(("dawn", "day", "dusk", "night"))
    sky(canvas, light)
    sun(
        canvas,
        width * rng.uniform(0.2, 0.8),
        height * rng.uniform(0.2, 0.36),
        canvas.unit * rng.uniform(0.08, 0.13),
        light,
    )
    for _ in range(5):
        roof, wide = width * rng.random(), canvas.unit * rng.uniform(0.1, 0.2)
        top = height * rng.uniform(0.52, 0.62)
        canvas.polygon(
            [
                (roof - wide, top + wide * 0.5),
                (roof, top),
                (roof + wide, top + wide * 0.5),
                (roof + wide, height),
                (roof - wide, height),
            ],
            palette.base(0.45, 0.08, 20),
            alpha=190,
        )
    frame, sill = palette.base(0.93 if light != "night" else 0.32, 0.03), height * 0.80
    bar = canvas.unit * 0.022
    canvas.box(width / 2 - bar / 2, 0, width / 2 + bar / 2, sill, frame)
    canvas.box(0, height * 0.36 - bar / 2, width, height * 0.36 + bar / 2, frame)
    for side in (0.0, width - bar * 2):
        canvas.box(side, 0, side + bar * 2, height, frame)
    canvas.box(0, sill, width, height, mixed(frame, palette.ink(), 0.12))
    canvas.box(0, sill, width, sill + bar, mixed(frame, palette.paper(), 0.5))
    fur = rng.choice(_FURS[:5])
    _sitting_cat(
        canvas, width * rng.uniform(0.32, 0.68), sill + bar, canvas.unit * rng.uniform(0.42, 0.5), oklch(*fur)
    )
    if rng.random() < 0.6:
        _potted(canvas, width * rng.choice((0.14, 0.86)), sill + bar, canvas.unit * 0.14)


def _sitting_cat(canvas: Canvas, x: float, foot: float, tall: float, fur: RGB) -> None:
    side = canvas.rng.choice((-1, 1))
    shade = mixed(fur, canvas.palette.ink(), 0.25)
    tail = [
        (x + side * tall * 0.22, foot - tall * 0.06),
        (x + side * tall * 0.45, foot - tall * 0.02),
        (x + side * tall * 0.50, foot - tall * 0.20),
        (x + side * tall * 0.42, foot - tall * 0.30),
    ]
    canvas.stroke(curve(tail, 8), shade, tall * 0.075)
    body: list[Point] = [(0.0, 0.66), (0.13, 0.58), (0.20, 0.36), (0.27, 0.12), (0.22, 0.0)]
    right = curve([(x + part * tall, foot - up * tall) for part, up in body], 6)
    left = curve([(x - part * tall, foot - up * tall) for part, up in reversed(body)], 6)
    canvas.polygon([*right, *left], fur)
    head_y, head = foot - tall * 0.74, tall * 0.175
    _cat_ears(canvas, x, head_y, head, fur)
    canvas.disc(x, head_y, head * 1.08, fur, tall=0.88)
    if canvas.rng.random() < 0.5:
        for stripe in (-0.3, 0.0, 0.3):
            canvas.stroke(
                [(x + stripe * head, head_y - head * 0.75), (x + stripe * head * 0.8, head_y - head * 0.42)],
                shade,
                head * 0.1,
            )
    _cat_face(canvas, x, head_y, head, fur)
    for paw in (-1, 1):
        canvas.disc(
            x + paw * tall * 0.075,
            foot - tall * 0.02,
            tall * 0.065,
            mixed(fur, canvas.palette.paper(), 0.25),
            tall=0.6,
        )


def _cat_ears(canvas: Canvas, x: float, y: float, head: float, fur: RGB) -> None:
    for ear in (-1, 1):
        canvas.polygon(
            [
                (x + ear * head * 0.96, y - head * 0.15),
                (x + ear * head * 0.82, y - head * 1.35),
                (x + ear * head * 0.12, y - head * 0.75),
            ],
            fur,
        )
        canvas.polygon(
            [
                (x + ear * head * 0.78, y - head * 0.4),
                (x + ear * head * 0.72, y - head * 1.05),
                (x + ear * head * 0.32, y - head * 0.72),
            ],
            oklch(0.74, 0.07, 20),
        )


def _cat_face(canvas: Canvas, x: float, y: float, head: float, fur: RGB) -> None:
    iris, ink = canvas.palette.accent(0.82, 0.15), canvas.palette.ink()
    for eye in (-1, 1):
        canvas.disc(x + eye * head * 0.42, y - head * 0.02, head * 0.22, iris, tall=0.95)
        canvas.disc(x + eye * head * 0.42, y - head * 0.02, head * 0.09, ink, tall=1.9)
        canvas.disc(x + eye * head * 0.42 + head * 0.06, y - head * 0.09, head * 0.05, (255, 255, 255))
    muzzle = mixed(fur, (255, 255, 255), 0.4)
    for cheek in (-1, 1):
        canvas.disc(x + cheek * head * 0.16, y + head * 0.42, head * 0.22, muzzle, tall=0.8)
        for whisker in (-10, 6, 22):
            start = (x + cheek * head * 0.34, y + head * 0.42)
            turn = whisker if cheek > 0 else 180 - whisker
            canvas.line([start, around(*start, head * 0.9, turn)], mixed(fur, (255, 255, 255), 0.7), 1.2)
    canvas.polygon(
        [(x - head * 0.11, y + head * 0.24), (x + head * 0.11, y + head * 0.24), (x, y + head * 0.36)],
        oklch(0.66, 0.10, 18),
    )


def _potted(canvas: Canvas, x: float, foot: float, size: float) -> None:
    leaf, clay = oklch(0.56, 0.11, 145), canvas.palette.accent(0.62, 0.13)
    for turn in range(-150, -20, 22):
        end = around(x, foot - size * 0.7, size * canvas.rng.uniform(0.8, 1.3), turn)
        middle = around(x, foot - size * 0.8, size * 0.6, turn - 12)
        canvas.stroke(curve([(x, foot - size * 0.6), middle, end], 6), leaf, size * 0.11)
    canvas.polygon(
        [
            (x - size * 0.42, foot - size * 0.7),
            (x + size * 0.42, foot - size * 0.7),
            (x + size * 0.3, foot),
            (x - size * 0.3, foot),
        ],
        clay,
    )
    canvas.box(
        x - size * 0.47,
        foot - size * 0.78,
        x + size * 0.47,
        foot - size * 0.62,
        mixed(clay, canvas.palette.paper(), 0.2),
    )


def dogs(canvas: Canvas) -> None:
    """Paint the head of a dog that looks at you."""
    rng, width, height, palette = canvas.rng, canvas.width, canvas.height, canvas.palette
    canvas.gradient([palette.base(0.84, 0.09), palette.base(0.90, 0.06)])
    size = canvas.unit * rng.uniform(0.29, 0.33)
    x, y = width / 2, height * 0.50
    canvas.disc(x, y, canvas.unit * 0.44, palette.accent(0.84, 0.10))
    fur = oklch(*rng.choice(_FURS))
    other = oklch(*rng.choice(_FURS)) if rng.random() < 0.6 else mixed(fur, (255, 255, 255), 0.35)
    shade = mixed(fur, palette.ink(), 0.28)
    _dog_chest(canvas, (x, y), size, shade, other)
    _ears(canvas, x, y, size, shade)
    _dog_head(canvas, (x, y), size, fur, other)
    if rng.random() < 0.4:
        canvas.disc(x + rng.choice((-1, 1)) * size * 0.34, y - size * 0.16, size * 0.27, shade, tall=1.15)
    _dog_face(canvas, x, y, size, shade)


def _dog_chest(canvas: Canvas, at: Point, size: float, coat: RGB, bib: RGB) -> None:
    (x, y), height = at, canvas.height
    canvas.polygon(
        curve(
            [(x - size * 1.05, height), (x - size * 0.72, y + size * 0.9), (x - size * 0.4, y + size * 0.5)],
            6,
        )
        + curve(
            [(x + size * 0.4, y + size * 0.5), (x + size * 0.72, y + size * 0.9), (x + size * 1.05, height)],
            6,
        ),
        coat,
    )
    canvas.polygon(
        curve(
            [
                (x - size * 0.42, height),
                (x - size * 0.3, y + size * 1.1),
                (x, y + size * 0.8),
                (x + size * 0.3, y + size * 1.1),
                (x + size * 0.42, height),
            ],
            6,
        ),
        bib,
    )
    collar = canvas.palette.accent(0.58, 0.17)
    canvas.line(
        curve(
            [(x - size * 0.66, y + size * 0.92), (x, y + size * 1.16), (x + size * 0.66, y + size * 0.92)], 8
        ),
        collar,
        size * 0.13,
    )
    canvas.disc(x, y + size * 1.26, size * 0.12, oklch(0.85, 0.13, 88))


def _dog_head(canvas: Canvas, at: Point, size: float, fur: RGB, blaze: RGB) -> None:
    x, y = at
    canvas.polygon(
        closed(
            [
                (x, y - size * 0.92),
                (x + size * 0.58, y - size * 0.66),
                (x + size * 0.72, y),
                (x + size * 0.46, y + size * 0.6),
                (x, y + size * 0.86),
                (x - size * 0.46, y + size * 0.6),
                (x - size * 0.72, y),
                (x - size * 0.58, y - size * 0.66),
            ],
            8,
        ),
        fur,
    )
    canvas.polygon(
        closed(
            [
                (x, y - size * 0.86),
                (x + size * 0.15, y - size * 0.3),
                (x + size * 0.46, y + size * 0.36),
                (x, y + size * 0.84),
                (x - size * 0.46, y + size * 0.36),
                (x - size * 0.15, y - size * 0.3),
            ],
            8,
        ),
        blaze,
    )


def _ears(canvas: Canvas, x: float, y: float, size: float, shade: RGB) -> None:
    if canvas.rng.random() < 0.6:
        for ear in (-1, 1):
            points = [
                (x + ear * size * 0.42, y - size * 0.80),
                (x + ear * size * 0.92, y - size * 0.66),
                (x + ear * size * 1.05, y - size * 0.05),
                (x + ear * size * 0.86, y + size * 0.42),
                (x + ear * size * 0.66, y - size * 0.02),
            ]
            canvas.polygon(closed(points, 8), shade)
    else:
        for ear in (-1, 1):
            canvas.polygon(
                [
                    (x + ear * size * 0.16, y - size * 0.76),
                    (x + ear * size * 0.62, y - size * 1.42),
                    (x + ear * size * 0.76, y - size * 0.36),
                ],
                shade,
            )
            canvas.polygon(
                [
                    (x + ear * size * 0.34, y - size * 0.80),
                    (x + ear * size * 0.58, y - size * 1.18),
                    (x + ear * size * 0.66, y - size * 0.52),
                ],
                oklch(0.72, 0.07, 25),
            )


def _dog_face(canvas: Canvas, x: float, y: float, size: float, shade: RGB) -> None:
    ink = oklch(0.20, 0.02, 40)
    for eye in (-1, 1):
        at = x + eye * size * 0.33
        canvas.disc(at, y - size * 0.14, size * 0.115, ink)
        canvas.disc(at + size * 0.035, y - size * 0.18, size * 0.035, (255, 255, 255))
        canvas.stroke(
            [(at - size * 0.1, y - size * 0.36), (at + size * 0.08, y - size * 0.40 + eye * 2)],
            shade,
            size * 0.05,
        )
    canvas.disc(x, y + size * 0.26, size * 0.19, ink, tall=0.74)
    canvas.disc(x - size * 0.05, y + size * 0.21, size * 0.05, oklch(0.55, 0.01, 40), tall=0.6)
    if canvas.rng.random() < 0.6:
        canvas.pill(
            x - size * 0.12,
            y + size * 0.54,
            x + size * 0.12,
            y + size * 0.86,
            oklch(0.68, 0.15, 15),
            radius=size * 0.12,
        )
        canvas.line([(x, y + size * 0.58), (x, y + size * 0.78)], oklch(0.56, 0.15, 15), 2)
    canvas.line([(x, y + size * 0.38), (x, y + size * 0.52)], ink, 2.5)
    canvas.arc(x - size * 0.15, y + size * 0.44, size * 0.16, (20, 150), ink, width=2.5)
    canvas.arc(x + size * 0.15, y + size * 0.44, size * 0.16, (30, 160), ink, width=2.5)
