"""The reader and the checker against the library's own: the same trees, and the same verdicts, on edited documents."""

from collections.abc import Sequence

import pytest
from graphql import GraphQLError, parse, specified_rules, validate
from hypothesis import given, settings
from hypothesis import strategies as st

from nova.gateway.documents import Documents
from nova.gateway.errors import BadDocument
from nova.gateway.language.lexer import tokens
from nova.gateway.language.parser import parse as parse_tokens
from nova.gateway.limits import Limits
from nova.gateway.schema.root import build_schema
from nova.platform.errors import NovaError
from tests.unit.gateway.language.corpus import INVALID, MALFORMED, VALID

SCHEMA = build_schema()
DOCUMENTS = Documents(SCHEMA, limits=Limits(depth=99, repeats=999), introspection=True)
PIECES = sorted({piece for text in (*VALID, *INVALID) for piece in tokens(text, most=2000).texts})


def theirs(text: str) -> Sequence[str]:
    """Return what the library says against a document."""
    try:
        tree = parse(text)
    except GraphQLError as error:
        return [error.message]
    return [error.message for error in validate(SCHEMA, tree, specified_rules)]


def ours(text: str) -> str | None:
    """Return what we say against it."""
    try:
        DOCUMENTS.read(text)
    except BadDocument as error:
        return error.errors[0].message
    return None


@pytest.mark.parametrize("text", VALID)
def test_valid_documents_pass_and_make_the_same_tree(text: str) -> None:
    assert not theirs(text)
    assert ours(text) is None
    tree = parse_tokens(tokens(text, most=2000), Limits()).to_dict()
    if not text.startswith('"'):
        assert tree == parse(text).to_dict()


@pytest.mark.parametrize("text", [*INVALID, *MALFORMED])
def test_others_are_refused(text: str) -> None:
    assert ours(text)
    if text != "{ }":
        assert theirs(text), "the library takes empty selections, against the specification"


@pytest.mark.parametrize("text", INVALID)
def test_errors_say_where(text: str) -> None:
    with pytest.raises(BadDocument) as caught:
        DOCUMENTS.read(text)
    (error,) = caught.value.errors
    assert error.locations


@st.composite
def edited(draw: st.DrawFn) -> str:
    """Return a document of the corpus with some tokens dropped, doubled, or taken from others."""
    pieces = list(tokens(draw(st.sampled_from((*VALID, *INVALID))), most=2000).texts)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(pieces) - 1, 0)))
        match draw(st.sampled_from(("drop", "double", "change", "swap"))):
            case "drop":
                del pieces[at : at + 1]
            case "double":
                pieces[at:at] = pieces[at : at + draw(st.integers(1, 8))]
            case "change":
                pieces[at : at + 1] = [draw(st.sampled_from(PIECES))]
            case _:
                other = draw(st.integers(0, max(len(pieces) - 1, 0)))
                if pieces:
                    pieces[at], pieces[other] = pieces[other], pieces[at]
    return " ".join(pieces)


@settings(max_examples=400, deadline=None)
@given(edited())
def test_edited_documents_get_the_verdict_of_the_library(text: str) -> None:
    try:
        found = ours(text)
    except NovaError:
        return  # beyond the limits, which the library does not have
    takes_empty_selections = "{ }" in " ".join(text.split())
    assert (found is None) == (not theirs(text)) or takes_empty_selections, (text, found, theirs(text))
