"""How people sign in as somebody of the sample world."""

from typing import Final

PASSWORD: Final = "nova-world"  # noqa: S105 - printed for everybody to see: these people are drawn
SHOWN_HANDLES: Final = ("ada", "lin_mei", "kofi")
