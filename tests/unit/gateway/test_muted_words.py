"""Muted words at the gateway: a word that breaks a rule goes no further."""

import pytest

from tests.unit.gateway.edge import Edge
from tests.unit.gateway.town import Town


@pytest.mark.parametrize("word", ["", "#", "\u200b", "a\x1bb", "字" * 101, "ﬁ" * 51])
@pytest.mark.parametrize("verb", ["MuteWord", "UnmuteWord"])
async def test_q10_a_word_has_1_to_100_characters(
    gate: Edge, town: Town, ada: bytes, word: str, verb: str
) -> None:
    field = f"{verb[0].lower()}{verb[1:]}"
    text = f"mutation ($input: {verb}Input!) {{ {field}(input: $input) {{ userErrors {{ field }} }} }}"
    payload = (await gate.data(text, viewer=ada, variables={"input": {"word": word}}))[field]
    assert payload["userErrors"] == [{"field": ["word"]}]
    assert not town.calls[f"user.{verb}"]
