"""Knobs: how one environment variable becomes one typed field of a frozen dataclass.

A knob is a dataclass field annotated with the variable's name and a sentence. Reading is strict: an unknown
`NOVA_*` variable, a value of the wrong type or out of bounds is a `BadConfig` that says what to do. What may hold
a secret may stand in a file instead, which `NOVA_X_FILE` names.
"""

import difflib
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from nova.platform.errors import FailedPrecondition
from nova.platform.masking import masked

_PREFIX = "NOVA_"
_FILE = "_FILE"
_TRUE = frozenset({"on", "true", "yes", "1"})
_FALSE = frozenset({"off", "false", "no", "0"})
_WORDS: Mapping[type, str] = {int: "a whole number", float: "a number", bool: "on or off"}

S = TypeVar("S")


class BadConfig(FailedPrecondition):
    """The configuration cannot be used."""

    def __init__(self, variable: str, value: str | None, fix: str) -> None:
        self.variable = variable
        self.value = value
        self.fix = fix
        shown = "is not set" if value is None else f"is {masked(value)!r}"
        super().__init__(f"{variable} {shown}: {fix}", field=variable)


class Secret:
    """A text that never shows itself: only `reveal()` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text. Call it where it is used, not where it is carried."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class Url(Secret):
    """The URL of an engine. It prints without what is secret in it; `reveal()` gives the whole of it."""

    __slots__ = ()
    schemes: ClassVar[tuple[str, ...]]

    def __init__(self, text: str) -> None:
        """Raise ValueError when the scheme is not one of `schemes`."""
        if urlsplit(text).scheme not in self.schemes:
            raise ValueError(f"start it with {' or '.join(f'{scheme}://' for scheme in self.schemes)}.")
        super().__init__(text)

    def __repr__(self) -> str:
        return masked(self._text)

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Knob:
    """The annotation of a field: `Annotated[int, Knob(…)]`. Bounds are inclusive.

    `parts` are those of the platform that read it; none are named where all do.
    """

    variable: str
    sentence: str
    least: float | None = None
    most: float | None = None
    parts: frozenset[str] = frozenset()

    @property
    def variables(self) -> tuple[str, str]:
        """The variable, and the one that names a file with its value (of secrets and URLs alone)."""
        return self.variable, f"{self.variable}{_FILE}"


@dataclass(frozen=True, slots=True)
class Row:
    """One knob as `nova config` prints it; secrets and passwords are masked."""

    section: str
    name: str
    variable: str
    default: str
    value: str
    sentence: str


def knobs_of(section: type[object]) -> Iterator[tuple[str, object, Knob]]:
    """Yield name, type and knob of each field of a section."""
    for name, hint in get_type_hints(section, include_extras=True).items():
        kind, spec = get_args(hint)
        yield name, kind, spec


def may_be_secret(kind: object) -> bool:
    """Return whether a knob of this type may hold a secret: it is one, or the URL of an engine."""
    options = get_args(kind) or (kind,)
    return any(isinstance(option, type) and issubclass(option, Secret) for option in options)


def out_of_files(environ: Mapping[str, str], secrets: Iterable[Knob]) -> dict[str, str]:
    """Return `environ` with each `NOVA_X_FILE` of `secrets` replaced by NOVA_X, the text of that file.

    The newline at its end is no part of it. Raises `BadConfig`.
    """
    found = dict(environ)
    for variable, names_file in (knob.variables for knob in secrets):
        file = found.pop(names_file, None)
        if file is None:
            continue
        if found.get(variable):
            raise BadConfig(names_file, file, f"{variable} is set too: keep one of the two.")
        try:
            found[variable] = Path(file).read_text().rstrip("\r\n")
        except (OSError, ValueError) as error:
            raise BadConfig(names_file, file, f"the file cannot be read ({error}).") from error
    return found


def read(section: type[S], environ: Mapping[str, str]) -> S:
    """Return one section, built from its variables; raises `BadConfig`."""
    values: dict[str, object] = {}
    for name, kind, spec in knobs_of(section):
        text = environ.get(spec.variable)
        if text is not None:
            values[name] = _bounded(spec, text, _parse(spec.variable, text, kind))
    return section(**values)


def spelt(section: object) -> dict[str, str]:
    """Return the variables that `read` would build a section of: those of knobs that are set. Secrets are in it."""
    found = {}
    for name, _, spec in knobs_of(type(section)):
        value = getattr(section, name)
        if value is not None:
            found[spec.variable] = value.reveal() if isinstance(value, Secret) else _shown(value)
    return found


def refuse_unknown(environ: Iterable[str], known: Iterable[str]) -> None:
    """Raise `BadConfig` when a `NOVA_*` variable is set that nothing reads: most often it is a typo."""
    names = sorted(known)
    for variable in sorted(environ):
        if variable.startswith(_PREFIX) and variable not in names:
            near = difflib.get_close_matches(variable, names, n=1)
            hint = f"did you mean {near[0]}?" if near else "unset it; `nova config` lists the known ones."
            # The value is not shown: a misspelt secret is still a secret.
            raise BadConfig(variable, "***", f"nothing reads this variable: {hint}")


def rows(title: str, section: object) -> Iterator[Row]:
    """Yield the printed rows of one section."""
    defaults = type(section)()
    for name, _, spec in knobs_of(type(section)):
        default, value = _shown(getattr(defaults, name)), _shown(getattr(section, name))
        yield Row(title, name, spec.variable, default, value, spec.sentence)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _parse(variable: str, text: str, kind: Any) -> object:  # noqa: ANN401 - a type, a union or an enum
    """Return `text` as `kind`: an optional, an enum, a flag, a number, or anything built from one text."""
    if get_origin(kind) in {Union, types.UnionType}:
        if text == "":
            return None
        kind = next(option for option in get_args(kind) if option is not type(None))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if text not in list(kind):
            raise BadConfig(variable, text, f"use one of {', '.join(kind)}.")
        return kind(text)
    if kind is bool:
        return _flag(variable, text)
    if kind is Path:
        return Path(text).expanduser()
    try:
        return kind(text)
    except ValueError as error:
        # A value class explains itself; a number's own message ("could not convert …") does not.
        fix = f"use {_WORDS[kind]}." if kind in _WORDS else str(error)
        raise BadConfig(variable, "***" if issubclass(kind, Secret) else text, fix) from None


def _flag(variable: str, text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise BadConfig(variable, text, "use on or off.")


def _bounded(spec: Knob, text: str, value: object) -> object:
    if not isinstance(value, int | float):
        return value
    # NaN compares false with everything, so the bounds are asked for, not their violation.
    if spec.least is not None and not value >= spec.least:
        raise BadConfig(spec.variable, text, f"use {spec.least:g} or more.")
    if spec.most is not None and not value <= spec.most:
        raise BadConfig(spec.variable, text, f"use {spec.most:g} or less.")
    return value
