"""Portraits: faces of all skins and hair, and emblems for those who would rather show something else."""

from nova.app.world.painting.canvas import Canvas
from nova.app.world.painting.colours import RGB, mixed, oklch
from nova.app.world.painting.emblems import EMBLEMS
from nova.app.world.painting.hair import STYLES, Head, hair_behind, hair_front
from nova.app.world.painting.shapes import around, closed, curve

_SKINS = tuple(
    oklch(0.91 - 0.033 * step, 0.045 + 0.0045 * min(step, 7) - 0.002 * max(step - 9, 0), 66 - 1.2 * step)
    for step in range(16)
)
_HAIRS: tuple[RGB, ...] = (
    (24, 20, 22), (34, 26, 24), (46, 34, 30), (62, 42, 32), (78, 50, 34), (98, 62, 40), (124, 80, 48), (150, 100, 58),
    (184, 134, 78), (214, 172, 108), (168, 84, 44), (130, 52, 36), (150, 148, 150), (214, 212, 212), (122, 92, 190),
    (64, 138, 152),
)  # fmt: skip
"""From black over brown and blond to red, grey and dyed."""


_INK: RGB = (38, 26, 28)


def avatar(canvas: Canvas, look: int) -> None:
    """Paint the portrait of a look: kind, skin and hair in a hexadecimal digit each."""
    kind, skin, hair = look >> 8, _SKINS[look >> 4 & 0xF], _HAIRS[look & 0xF]
    _background(canvas)
    if kind >= STYLES:
        EMBLEMS[kind - STYLES](canvas)
    else:
        _face(canvas, kind, skin, hair)


def _background(canvas: Canvas) -> None:
    rng, palette, size = canvas.rng, canvas.palette, canvas.width
    tone = rng.choice((0.90, 0.84, 0.72))
    canvas.gradient([palette.base(tone, 0.09), palette.base(tone - 0.07, 0.11, 18)])
    shape = rng.random()
    if shape < 0.35:
        canvas.disc(
            size * rng.uniform(0.3, 0.7),
            size * 0.5,
            size * rng.uniform(0.36, 0.46),
            palette.accent(0.88, 0.09),
            alpha=190,
        )
    elif shape < 0.6:
        turn = rng.uniform(0, 360)
        for ray in range(0, 360, 30):
            rim = [
                around(size / 2, size * 0.55, size, turn + ray),
                around(size / 2, size * 0.55, size, turn + ray + 15),
            ]
            canvas.polygon([(size / 2, size * 0.55), *rim], palette.base(tone + 0.05, 0.07))


def _face(canvas: Canvas, style: int, skin: RGB, hair: RGB) -> None:
    rng, size = canvas.rng, canvas.width
    at = Head(size / 2, size * 0.46, size * 0.185)
    x, y, head = at.x, at.y, at.size
    shade = mixed(skin, (70, 25, 20), 0.20)
    hair_behind(canvas, at, style, hair)
    _shoulders(canvas, at, skin, shade)
    for ear in (-1, 1):
        canvas.disc(x + ear * head * 0.98, y + head * 0.10, head * 0.19, shade, tall=1.25)
    canvas.polygon(
        closed(
            [
                (x, y - head * 1.15), (x + head * 0.72, y - head * 0.88), (x + head, y - head * 0.1),
                (x + head * 0.80, y + head * 0.68), (x, y + head * 1.24), (x - head * 0.80, y + head * 0.68),
                (x - head, y - head * 0.1), (x - head * 0.72, y - head * 0.88),
            ]
        ),
        skin,
    )  # fmt: skip
    bearded = style in {0, 1, 2} and rng.random() < 0.4
    if bearded:
        _beard(canvas, at, hair)
    _features(canvas, at, skin, hair, bearded=bearded)
    hair_front(canvas, at, style, hair)
    if rng.random() < 0.28:
        _glasses(canvas, at)


def _shoulders(canvas: Canvas, at: Head, skin: RGB, shade: RGB) -> None:
    x, y, head = at.x, at.y, at.size
    rng, palette, size = canvas.rng, canvas.palette, canvas.width
    cloth = rng.choice(
        (
            palette.accent(0.55, 0.14),
            palette.accent(0.72, 0.13),
            palette.base(0.38, 0.09),
            palette.base(0.94, 0.02),
            palette.accent(0.40, 0.09),
        )
    )
    top = y + head * 1.72
    canvas.pill(x - head * 0.44, y + head * 0.6, x + head * 0.44, top + head * 0.6, shade, radius=head * 0.3)
    body = curve(
        [
            (x - head * 2.35, size + 4),
            (x - head * 1.75, top + head * 0.42),
            (x - head * 0.5, top - head * 0.12),
        ],
        8,
    )
    body += curve(
        [
            (x + head * 0.5, top - head * 0.12),
            (x + head * 1.75, top + head * 0.42),
            (x + head * 2.35, size + 4),
        ],
        8,
    )
    canvas.polygon(body, cloth)
    _collar(canvas, at, skin, cloth)


def _collar(canvas: Canvas, at: Head, skin: RGB, cloth: RGB) -> None:
    x, head, palette = at.x, at.size, canvas.palette
    top = at.y + head * 1.72
    collar = canvas.rng.random()
    if collar < 0.4:
        canvas.disc(x, top - head * 0.12, head * 0.5, skin, tall=0.66)
        canvas.arc(
            x, top - head * 0.2, head * 0.62, (10, 170), mixed(cloth, palette.ink(), 0.2), width=head * 0.1
        )
    elif collar < 0.7:
        canvas.polygon(
            [
                (x - head * 0.44, top - head * 0.2),
                (x + head * 0.44, top - head * 0.2),
                (x, top + head * 0.75),
            ],
            skin,
        )
        for side in (-1, 1):
            canvas.polygon(
                [
                    (x + side * head * 0.42, top - head * 0.34),
                    (x + side * head * 0.95, top + head * 0.1),
                    (x + side * head * 0.05, top + head * 0.80),
                ],
                mixed(cloth, palette.paper(), 0.25),
            )
    else:
        canvas.pill(
            x - head * 0.56,
            top - head * 0.42,
            x + head * 0.56,
            top + head * 0.18,
            mixed(cloth, palette.ink(), 0.12),
            radius=head * 0.22,
        )


def _features(canvas: Canvas, at: Head, skin: RGB, hair: RGB, *, bearded: bool) -> None:
    x, y, head = at.x, at.y, at.size
    rng, ink = canvas.rng, _INK
    brow, blush = mixed(hair, ink, 0.35), mixed(skin, (226, 86, 80), 0.28)
    smile = rng.random()
    for side in (-1, 1):
        eye = x + side * head * 0.40
        canvas.disc(eye + side * head * 0.14, y + head * 0.45, head * 0.2, blush, alpha=150, tall=0.7)
        if smile < 0.2:
            canvas.arc(eye, y + head * 0.12, head * 0.15, (195, 345), ink, width=head * 0.07)
        else:
            canvas.disc(eye, y + head * 0.06, head * 0.095, ink, tall=1.2)
            canvas.disc(eye + head * 0.03, y + head * 0.015, head * 0.03, (255, 255, 255))
        lift = rng.uniform(0.24, 0.30)
        canvas.stroke(
            curve(
                [
                    (eye - head * 0.17, y - head * (lift - 0.02)),
                    (eye, y - head * (lift + 0.05)),
                    (eye + head * 0.17, y - head * (lift - 0.02)),
                ],
                5,
            ),
            brow,
            head * 0.075,
        )
    canvas.stroke(
        curve(
            [
                (x - head * 0.03, y + head * 0.14),
                (x + head * 0.09, y + head * 0.40),
                (x - head * 0.05, y + head * 0.43),
            ],
            6,
        ),
        mixed(skin, (90, 30, 25), 0.30),
        head * 0.055,
    )
    lip = mixed(skin, (150, 30, 45), 0.55)
    _mouth(canvas, at, y + head * (0.66 if bearded else 0.70), lip, laughing=smile < 0.45)


def _mouth(canvas: Canvas, at: Head, mouth: float, lip: RGB, *, laughing: bool) -> None:
    x, head = at.x, at.size
    if laughing:
        canvas.wedge(x, mouth - head * 0.06, head * 0.30, (12, 168), mixed(lip, _INK, 0.35))
        canvas.polygon(
            [
                (x - head * 0.24, mouth),
                (x + head * 0.24, mouth),
                (x + head * 0.19, mouth + head * 0.08),
                (x - head * 0.19, mouth + head * 0.08),
            ],
            (255, 255, 255),
        )
    else:
        canvas.arc(x, mouth - head * 0.2, head * 0.34, (38, 142), lip, width=head * 0.08)


def _beard(canvas: Canvas, at: Head, hair: RGB) -> None:
    x, y, head = at.x, at.y, at.size
    shape = [
        (x - head * 0.98, y + head * 0.1), (x - head * 0.62, y + head * 0.42), (x, y + head * 0.50),
        (x + head * 0.62, y + head * 0.42), (x + head * 0.98, y + head * 0.1), (x + head * 0.82, y + head * 0.82),
        (x, y + head * 1.40), (x - head * 0.82, y + head * 0.82),
    ]  # fmt: skip
    canvas.polygon(closed(shape, 8), hair)


def _glasses(canvas: Canvas, at: Head) -> None:
    x, y, head = at.x, at.y, at.size
    frame = canvas.rng.choice(((36, 32, 38), (120, 70, 40), (60, 70, 110)))
    for side in (-1, 1):
        canvas.ring(x + side * head * 0.40, y + head * 0.07, head * 0.31, frame, head * 0.065)
        canvas.line(
            [(x + side * head * 0.70, y + head * 0.02), (x + side * head * 0.98, y - head * 0.02)],
            frame,
            head * 0.06,
        )
    canvas.line([(x - head * 0.11, y + head * 0.02), (x + head * 0.11, y + head * 0.02)], frame, head * 0.06)
