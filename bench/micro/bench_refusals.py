"""What a refusal costs: hostile documents and bodies, each within the cheap limits as far as it can be, by CPU time.

The bound is 5 ms of CPU for each (docs/decisions/0006). The peer is the library: parse and validate, first error only.
"""

import argparse
import itertools
import json
import statistics
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial

from graphql import GraphQLError, GraphQLSchema, parse, validate

from bench.micro.harness import machine
from nova.gateway.documents import Documents, Operation
from nova.gateway.http import strict_json
from nova.gateway.limits import Limits
from nova.gateway.schema.root import build_schema
from nova.platform.errors import NovaError

MODULE = "bench.micro.bench_refusals"
BOUND_MS = 5.0
ROUNDS = 15

Refusing = Callable[[], None]


def spread(count: int, fragments: str) -> str:
    """Return a document that spreads `count` fragments in one selection."""
    return "{ viewer { user { " + " ".join(f"...F{n}" for n in range(count)) + " } } } " + fragments


def lists(count: int, *, alike: bool) -> str:
    return " ".join(
        f"fragment F{n} on User {{ followers(first: {1 if alike else n + 1}) {{ edges {{ cursor }} }} }}"
        for n in range(count)
    )


def aliased(count: int, field: str) -> str:
    return " ".join(f"a{n}: {field}" for n in range(count))


DOCUMENTS: Mapping[str, str] = {
    "500,000 tokens": "{" + " a" * 500_000 + " }",
    "2,000 tokens, no end": "{ viewer {" + " email" * 290 + " followers(" + "a: 1 " * 390 + " ! ",
    "depth 900": "{ a" * 900,
    "300 unknown fields": "mutation { " + " ".join(f"likePots{n}" for n in range(299)) + " }",
    "299 fields, the last unknown": "{ viewer { "
    + "".join(f"email{'' if n < 298 else 'x'} " for n in range(298))
    + "} }",
    "fragments, arguments alike": spread(58, lists(58, alike=True)),
    "fragments, arguments differ": spread(58, lists(58, alike=False)),
    "fragments in a chain": "{ viewer { user { ...F0 } } } fragment F58 on User { nope } "
    + " ".join(f"fragment F{n} on User {{ id handle bio ...F{n + 1} }}" for n in range(58)),
    "fragments of every other": "{ viewer { user { ...F0 } } } fragment F28 on User { nope } "
    + " ".join(
        f"fragment F{n} on User {{ id {' '.join(f'...F{m}' for m in range(n + 1, 29))} }}" for n in range(28)
    ),
    "inline fragments": "{ viewer { user { "
    + "... on User { id handle bio posts(first: 3) { pageInfo { endCursor } } } " * 40
    + "... on Post { id } } } }",
    "100 unused variables": "query ("
    + " ".join(f"$v{n}: Int" for n in range(100))
    + ") { viewer { email } }",
    "100 used variables": "query ("
    + " ".join(f"$v{n}: {'Int' if n < 99 else 'String'}" for n in range(100))
    + ") { viewer { user { "
    + " ".join(f"a{n}: followers(first: $v{n}) {{ pageInfo {{ endCursor }} }}" for n in range(100))
    + " } } }",
    "390 values in a list": "{ nodes(ids: [" + '"x" ' * 390 + "null]) { id } }",
    "390 unknown arguments": "{ homeFeed("
    + " ".join(f"a{n}: 1" for n in range(390))
    + ") { pageInfo { endCursor } } }",
    "390 unknown input fields": "mutation { createPost(input: {"
    + " ".join(f"a{n}: 1" for n in range(390))
    + "}) { post { id } } }",
    "20 levels of lists": "{ nodes(ids: " + "[" * 60 + ("1 " * 300) + "]" * 60 + ") { id } }",
    "60 directives": "{ viewer { user { id "
    + " ".join(f"h{n}: handle @include(if: true) " for n in range(59))
    + "bio @nope } } }",
    "20 operations": " ".join(
        f"query Q{n} {{ homeFeed(first: 9) {{ edges {{ node {{ id caption author {{ id handle bio }} }} }} }} }}"
        for n in range(20)
    )
    + " query Q0 { __typename }",
    "60 KiB of text": 'mutation { createPost(input: { captoin: "'
    + "\\u00e9" * 10_000
    + '" }) { post { id } } }',
    "60 KiB of lines": 'mutation { createPost(input: { captoin: """'
    + "\n x" * 20_000
    + '""" }) { post { id } } }',
    "too many calls": "{ viewer { user { "
    + aliased(98, "followers(first: 3) { pageInfo { endCursor } }")
    + " } } }",
    "too costly": "{ homeFeed(first: 99) { edges { node { "
    + aliased(90, "author { id handle }")
    + " } } } }",
}
VARIABLES: Mapping[str, str] = {
    "2,000 ids in variables": '{"ids": [' + ",".join(['"x"'] * 2_000) + "]}",
    "4,400 wrong ids in variables": '{"ids": [' + ",".join(["null"] * 4_400) + "]}",
}
BODIES: Mapping[str, bytes] = {
    "1 MiB of small objects": b"[" + b",".join([b'{"a":1}'] * 130_000) + b"]",
    "1 MiB of numbers": b"[" + b",".join([b"1"] * 500_000) + b"]",
    "1 MiB of members": b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}",
    "1 MiB of brackets": b"[" * (1 << 20),
    "1 MiB of one text, broken": b'{"query": "' + b"x" * (1 << 20),
    "1 MiB of escapes, broken": b'{"query": "' + b"\\u00e9" * 170_000,
}


def refusals(schema: GraphQLSchema) -> Mapping[str, tuple[Refusing, Refusing | None]]:
    """Return what is refused: by us, and by the library where it has a like."""
    documents = Documents(schema, limits=Limits(), introspection=True)
    ids = documents.read("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }").operation(None)
    found: dict[str, tuple[Refusing, Refusing | None]] = {}
    for name, text in DOCUMENTS.items():
        found[name] = (_document(documents, text), _library(schema, text) if len(text) < 1 << 17 else None)
    for name, value in VARIABLES.items():
        found[name] = (_refused(partial(_price, documents, ids, value.encode())), None)
    for name, body in BODIES.items():
        found[name] = (_refused(partial(strict_json.loads, body)), None)
    return found


def _price(documents: Documents, operation: Operation, body: bytes) -> object:
    return documents.price(operation, strict_json.loads(body))


def _document(documents: Documents, text: str) -> Refusing:
    turn = itertools.count()

    def asked() -> object:
        # Another document each time: what passes the reading and is too costly would be known.
        for operation in documents.read(f"{text} #{next(turn)}").operations.values():
            documents.price(operation, {})
        return None

    return _refused(asked)


def _library(schema: GraphQLSchema, text: str) -> Refusing:
    def asked() -> None:
        try:
            validate(schema, parse(text), max_errors=1)
        except GraphQLError:
            return

    return asked


def _refused(ask: Callable[[], object]) -> Refusing:
    def asked() -> None:
        try:
            ask()
        except (NovaError, strict_json.BadJson):
            return
        raise AssertionError("A document or body was not refused.")

    return asked


@dataclass(frozen=True)
class Line:
    """CPU of one kind of refusal, ms; the most memory it held, KiB; and the library's CPU, where it has a like."""

    kind: str
    min_ms: float
    median_ms: float
    max_ms: float
    peak_kib: float
    library_min_ms: float | None


def measured(kind: str, ours: Refusing, theirs: Refusing | None, rounds: int) -> Line:
    """Measure one kind, after a first run that is not counted."""
    ours()
    times = cpu_ms(ours, rounds)
    tracemalloc.start()
    ours()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    library = min(cpu_ms(theirs, 3)) if theirs else None
    return Line(kind, min(times), statistics.median(times), max(times), peak / 1024, library)


def cpu_ms(refuse: Refusing, rounds: int) -> list[float]:
    """Return the CPU time of each round, ms."""
    times = []
    for _ in range(rounds):
        started = time.process_time_ns()
        refuse()
        times.append((time.process_time_ns() - started) / 1e6)
    return times


def main() -> None:
    """Print a table of CPU times, ms, or one JSON document."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    options = parser.parse_args()
    lines = [
        measured(name, ours, theirs, options.rounds)
        for name, (ours, theirs) in refusals(build_schema()).items()
    ]
    if options.json:
        report = {"machine": machine(), "bound_ms": BOUND_MS, "lines": [asdict(line) for line in lines]}
        print(json.dumps(report))
        return
    print("\n".join(f"{name:8} {value}" for name, value in machine().items()))
    print(
        f"\n{f'CPU of a refusal, ms (bound {BOUND_MS})':32}{'min':>9}{'median':>9}{'max':>9}{'KiB':>9}{'library':>10}"
    )
    for line in lines:
        library = "–" if line.library_min_ms is None else f"{line.library_min_ms:.2f}"
        times = f"{line.min_ms:9.2f}{line.median_ms:9.2f}{line.max_ms:9.2f}"
        print(f"  {line.kind:30}{times}{line.peak_kib:9.0f}{library:>10}")
    worst = max(lines, key=lambda line: line.median_ms)
    print(f"worst median: {worst.kind}, {worst.median_ms:.2f} ms")


if __name__ == "__main__":
    main()
