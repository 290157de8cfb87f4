"""Outlines and lines: lists of points for the canvas to fill or to follow."""

import math
import random
from collections.abc import Sequence

Point = tuple[float, float]


def curve(points: Sequence[Point], steps: int = 12) -> list[Point]:
    """Return a smooth line through all points (Catmull–Rom)."""
    padded = [points[0], *points, points[-1]]
    out: list[Point] = []
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(steps):
            t = step / steps
            out.append(
                (
                    _catmull(before[0], start[0], end[0], after[0], t),
                    _catmull(before[1], start[1], end[1], after[1], t),
                )
            )
    out.append(points[-1])
    return out


def closed(points: Sequence[Point], steps: int = 10) -> list[Point]:
    """Return a smooth outline around all points."""
    looped = [points[-1], *points, points[0], points[1]]
    smooth = curve(looped, steps)
    return smooth[steps : steps * (len(points) + 1)]


def ridge(
    width: float, level: float, height: float, rng: random.Random, *, rough: float = 0.5, step: float = 8.0
) -> list[Point]:
    """Return a skyline from edge to edge around `level`; `rough` 0 is rolling, 1 is jagged."""
    waves = [
        (height * rough_share, rng.uniform(0.7, 1.3) * frequency, rng.uniform(0, math.tau))
        for rough_share, frequency in (
            (1.0, 1.3),
            (0.5, 2.9),
            (0.28 * (0.4 + rough), 6.1),
            (0.16 * rough, 13.7),
        )
    ]
    count = int(width / step) + 2
    return [
        (
            index * step,
            level
            - sum(
                size * math.sin(index * step / width * math.pi * often + shift)
                for size, often, shift in waves
            )
            / 2,
        )
        for index in range(count)
    ]


def below(line: Sequence[Point], bottom: float) -> list[Point]:
    """Return the area under a line, down to `bottom`."""
    return [*line, (line[-1][0], bottom), (line[0][0], bottom)]


def around(x: float, y: float, radius: float, degrees: float, *, tall: float = 1.0) -> Point:
    """Return the point on a circle at that angle, clockwise from three o'clock."""
    turn = math.radians(degrees)
    return x + radius * math.cos(turn), y + radius * tall * math.sin(turn)


def leaf(at: Point, size: float, turn: float, *, wide: float = 0.36) -> list[Point]:
    """Return a leaf of length `size` that grows from `at` in a direction in degrees; `wide` is its half width."""
    tip = around(*at, size, turn)
    left = around(*around(*at, size * 0.42, turn), size * wide * 0.72, turn - 90)
    right = around(*around(*at, size * 0.42, turn), size * wide * 0.72, turn + 90)
    return curve([at, left, tip], 6) + curve([tip, right, at], 6)


def _catmull(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3)
