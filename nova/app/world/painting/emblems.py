"""What some show in place of a face: a planet, a flower, a wave, a cup, shapes, hills."""

from collections.abc import Callable

from nova.app.world.painting.canvas import Canvas
from nova.app.world.painting.colours import mixed
from nova.app.world.painting.shapes import around, below, closed, ridge


def _planet(canvas: Canvas) -> None:
    size, palette = canvas.width, canvas.palette
    canvas.gradient([palette.base(0.22, 0.07), palette.base(0.34, 0.10)])
    for _ in range(24):
        canvas.disc(
            canvas.rng.random() * size,
            canvas.rng.random() * size,
            canvas.rng.uniform(0.6, 1.8),
            palette.paper(),
            alpha=200,
        )
    x = size / 2
    canvas.disc(x, x, size * 0.24, palette.accent(0.76, 0.14))
    canvas.disc(x - size * 0.03, x - size * 0.03, size * 0.19, palette.accent(0.83, 0.12))
    rim = [around(x, x, size * 0.40, turn, tall=0.26) for turn in range(-16, 200, 6)]
    canvas.line([(px, py - (px - x) * 0.3) for px, py in rim], palette.paper(), size * 0.022)


def _flower(canvas: Canvas) -> None:
    size, palette, petals = canvas.width, canvas.palette, canvas.rng.choice((6, 8, 10))
    turn = canvas.rng.uniform(0, 60)
    for ring, colour in ((0.36, palette.accent(0.70, 0.16)), (0.26, palette.accent(0.82, 0.12))):
        for petal in range(petals):
            degrees = turn + petal * 360 / petals + (180 / petals if ring < 0.3 else 0)
            middle = around(size / 2, size / 2, size * ring * 0.62, degrees)
            shape = [
                around(size / 2, size / 2, size * 0.05, degrees),
                around(*middle, size * ring * 0.30, degrees - 90),
                around(size / 2, size / 2, size * ring * 1.1, degrees),
                around(*middle, size * ring * 0.30, degrees + 90),
            ]
            canvas.polygon(closed(shape, 6), colour)
    canvas.disc(size / 2, size / 2, size * 0.085, palette.base(0.88, 0.13))


def _wave(canvas: Canvas) -> None:
    size, palette = canvas.width, canvas.palette
    canvas.disc(size / 2, size * 0.44, size * 0.25, palette.warm(0.84, 0.13))
    for row in range(4):
        level, shade = size * (0.52 + 0.13 * row), palette.base(0.66 - 0.12 * row, 0.11)
        step = size / (3 + row % 2)
        canvas.box(0, level, size, size, shade)
        for crest in range(-1, 6):
            canvas.disc(
                crest * step + step / 2 * (row % 2), level + step * 0.2, step * 0.52, shade, tall=0.62
            )


def _cup(canvas: Canvas) -> None:
    size, palette = canvas.width, canvas.palette
    glaze, x, top = palette.accent(0.62, 0.15), size * 0.47, size * 0.42
    canvas.disc(x, size * 0.79, size * 0.31, mixed(glaze, palette.ink(), 0.35), tall=0.16)
    canvas.ring(x + size * 0.26, size * 0.56, size * 0.125, glaze, size * 0.045)
    canvas.pill(x - size * 0.25, top, x + size * 0.25, size * 0.78, glaze, radius=size * 0.13)
    canvas.box(x - size * 0.25, top, x + size * 0.25, top + size * 0.14, glaze)
    canvas.disc(x, top, size * 0.25, mixed(glaze, palette.paper(), 0.35), tall=0.2)
    canvas.disc(x, top + size * 0.004, size * 0.21, palette.base(0.32, 0.06), tall=0.17)
    for wisp in (-0.09, 0.07):
        for step in range(5):
            canvas.disc(
                x + size * (wisp + 0.02 * (step % 2)),
                top - size * (0.09 + 0.045 * step),
                size * 0.022,
                palette.paper(),
                alpha=220 - 35 * step,
            )


def _shapes(canvas: Canvas) -> None:
    size, palette, rng = canvas.width, canvas.palette, canvas.rng
    colours = [
        palette.base(0.38, 0.10),
        palette.accent(0.68, 0.16),
        palette.base(0.80, 0.10),
        palette.accent(0.86, 0.10),
        palette.paper(),
    ]
    step = size / 4
    for row in range(4):
        for column in range(4):
            left, top = column * step, row * step
            ground, figure = rng.sample(colours, 2)
            canvas.box(left, top, left + step, top + step, ground)
            corner, turn = rng.choice(((0, 0, 0), (1, 0, 90), (1, 1, 180), (0, 1, 270))), rng.random()
            if turn < 0.5:
                canvas.wedge(
                    left + corner[0] * step, top + corner[1] * step, step, (corner[2], corner[2] + 90), figure
                )
            elif turn < 0.75:
                canvas.disc(left + step / 2, top + step / 2, step * 0.36, figure)
            else:
                canvas.polygon([(left, top), (left + step, top), (left, top + step)], figure)


def _hills(canvas: Canvas) -> None:
    size, palette = canvas.width, canvas.palette
    canvas.disc(size * canvas.rng.uniform(0.3, 0.7), size * 0.36, size * 0.13, palette.warm(0.90, 0.12))
    for layer in range(4):
        line = ridge(size, size * (0.52 + 0.12 * layer), size * 0.16, canvas.rng, rough=0.3, step=4)
        canvas.polygon(below(line, size), palette.base(0.66 - 0.12 * layer, 0.10, layer * 12))


EMBLEMS: tuple[Callable[[Canvas], None], ...] = (_planet, _flower, _wave, _cup, _shapes, _hills)
"""The painters of the kinds above the faces."""
