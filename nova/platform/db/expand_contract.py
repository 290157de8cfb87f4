"""Refuses migrations that would break the code that is running, or stand in its way.

Expand, then contract: an expansion is applied while the old code still runs, so it may only add; a
contraction takes away what no running code uses any more. Neither may hold a lock that stops traffic for
longer than a moment (PostgreSQL, "ALTER TABLE": which forms rewrite or scan the table). Tables made in the
same file are free.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nova.platform.db.script import BadMigration, Migration, read_folder, skeleton, statements

_TABLE = r"(?:ONLY )?(?:IF EXISTS )?(?:ONLY )?([\w.]+)"
_CREATED = re.compile(r"^CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?([\w.]+)")
_ALTERED = re.compile(rf"^ALTER TABLE {_TABLE}")
_INDEXED = re.compile(r"^CREATE (?:UNIQUE )?INDEX (CONCURRENTLY )?.*? ?ON (?:ONLY )?([\w.]+)")
_WRITTEN = re.compile(r"^(?:UPDATE|DELETE FROM|TRUNCATE(?: TABLE)?) (?:ONLY )?([\w.]+)")
_REBUILT = re.compile(r"^DROP INDEX CONCURRENTLY IF EXISTS ([\w.]+)$")
_ADDED = re.compile(
    r"ADD (?:COLUMN )?(?:IF NOT EXISTS )?(?!CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)(\w+) (.*)"
)
_NOT_NULL = re.compile(r"ALTER (?:COLUMN )?(\w+) SET NOT NULL")
_PROVES_NOT_NULL = re.compile(r"CHECK \(\(?(\w+) IS NOT NULL\)?\)")
_VOLATILE = re.compile(
    r"\b(?:RANDOM|GEN_RANDOM_UUID|UUIDV7|CLOCK_TIMESTAMP|NEXTVAL|STATEMENT_TIMESTAMP)\s*\("
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a file, as a sentence that says what to do instead."""

    file: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}: {self.sentence}"


def check(folder: Path) -> list[Finding]:
    """Return what is wrong with the migrations of a room; empty when they may go out."""
    try:
        migrations = read_folder(folder)
    except BadMigration as error:
        return [Finding(folder.name, error.message)]
    findings: list[Finding] = []
    proven: set[str] = set()
    for migration in migrations:
        findings += (
            Finding(migration.path.name, sentence) for sentence in _judge(migration, frozenset(proven))
        )
        proven |= set(_PROVES_NOT_NULL.findall(skeleton(migration.up)))
    return findings


def _judge(migration: Migration, proven: frozenset[str]) -> Iterator[str]:
    if migration.down is None or not statements(migration.down):
        yield "there is no way back: add a line `-- down:` and what undoes the file."
    skeletons = [skeleton(statement) for statement in statements(migration.up)]
    own = {match[1] for text in skeletons if (match := _CREATED.match(text))}
    rebuilt = {match[1] for text in skeletons if (match := _REBUILT.match(text))}
    for text in skeletons:
        if (match := _REBUILT.match(text)) and _is_rebuilt(match[1], skeletons):
            continue
        if migration.in_transaction and "CONCURRENTLY" in text:
            yield "CONCURRENTLY does not run in a transaction: begin the file with `-- no transaction`."
        yield from _judge_statement(text, migration, own - rebuilt, proven)


def _is_rebuilt(index: str, skeletons: list[str]) -> bool:
    return any(
        re.match(rf"^CREATE (UNIQUE )?INDEX CONCURRENTLY (IF NOT EXISTS )?{index} ", text)
        for text in skeletons
    )


def _judge_statement(text: str, migration: Migration, own: set[str], proven: frozenset[str]) -> Iterator[str]:
    table = _target(text)
    if table in own:
        return
    if migration.kind == "expand" and re.match(r"^DROP\b", text):
        yield f"`{_short(text)}` takes away what running code may use: drop it in a contraction."
    if re.search(r"\bRENAME\b", text):
        yield f"`{_short(text)}` renames what running code calls by its old name: add the new one beside it."
    if text.startswith(("LOCK ", "CLUSTER", "VACUUM FULL")) or re.match(r"^REINDEX (?!.*CONCURRENTLY)", text):
        yield f"`{_short(text)}` stops all traffic on the table."
    if _WRITTEN.match(text):
        yield f"`{_short(text)}` touches rows of a live table in one go: do it in batches, by a task."
    if (match := _INDEXED.match(text)) and match[1] is None:
        yield f"the index on {match[2].lower()} blocks writes while it is built: CREATE INDEX CONCURRENTLY."
    if _ALTERED.match(text):
        for action in _actions(text):
            for rule in _ALTER_RULES:
                yield from rule(action, table.lower(), migration, proven)


def _target(text: str) -> str:
    for pattern, group in ((_ALTERED, 1), (_INDEXED, 2), (_WRITTEN, 1)):
        if match := pattern.match(text):
            return match[group]
    return ""


def _actions(text: str) -> list[str]:
    """Return the comma-separated actions of an ALTER TABLE; commas inside parentheses separate nothing."""
    rest = _ALTERED.sub("", text, count=1).strip()
    actions, depth, start = [], 0, 0
    for place, character in enumerate(rest):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            actions.append(rest[start:place].strip())
            start = place + 1
    return [*actions, rest[start:].strip()]


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"


_Rule = Callable[[str, str, Migration, frozenset[str]], Iterator[str]]


def _drops(action: str, table: str, migration: Migration, _: frozenset[str]) -> Iterator[str]:
    loosens = re.search(r"^ALTER (COLUMN )?\w+ DROP (NOT NULL|DEFAULT)", action)
    if migration.kind == "expand" and re.search(r"\bDROP\b", action) and not loosens:
        yield f"`{action}` takes away from {table} what running code may use: drop it in a contraction."


def _retypes(action: str, table: str, *_: object) -> Iterator[str]:
    if re.search(r"^ALTER (COLUMN )?\w+ (SET DATA )?TYPE\b", action):
        yield f"changing a type rewrites {table} under a lock: add a column of the new type beside it."


def _requires(action: str, table: str, _: Migration, proven: frozenset[str]) -> Iterator[str]:
    match = _NOT_NULL.search(action)
    if match and match[1] not in proven:
        yield (
            f"SET NOT NULL scans {table} under a lock: first add CHECK ({match[1].lower()} IS NOT NULL) NOT "
            "VALID, and VALIDATE it in a later file."
        )


def _adds_column(action: str, table: str, *_: object) -> Iterator[str]:
    match = _ADDED.match(action)
    if match is None:
        return
    column, rest = f"{table}.{match[1].lower()}", match[2]
    if "NOT NULL" in rest and "DEFAULT" not in rest:
        yield f"{column} is NOT NULL without a DEFAULT: the running code's inserts would fail."
    if _VOLATILE.search(rest) or re.search(r"SERIAL\b|GENERATED", rest):
        yield f"{column} is computed for every row, which rewrites the table: fill it in batches."


def _adds_constraint(action: str, table: str, *_: object) -> Iterator[str]:
    if not re.match(r"^ADD (CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)", action):
        return
    if re.search(r"\b(CHECK|FOREIGN KEY|REFERENCES)\b", action) and "NOT VALID" not in action:
        yield f"a constraint on {table} scans it: add it NOT VALID, and VALIDATE it in a later file."
    if re.search(r"\b(UNIQUE|PRIMARY KEY|EXCLUDE)\b", action) and "USING INDEX" not in action:
        yield f"a unique constraint locks {table} to build an index: CONCURRENTLY first, then USING INDEX."


def _moves(action: str, table: str, *_: object) -> Iterator[str]:
    if re.search(r"^SET SCHEMA|^OWNER TO|^SET (UN)?LOGGED|^SET TABLESPACE", action):
        yield f"`{action}` moves {table} away from running code or rewrites it."


_ALTER_RULES: tuple[_Rule, ...] = (_drops, _retypes, _requires, _adds_column, _adds_constraint, _moves)
