"""What is mistyped: exit code 2, and what there is instead."""

import pytest

from tests.unit.app.commands import Commands


@pytest.mark.parametrize(
    "arguments",
    [
        ("feast",),
        ("up", "--world", "enormous"),
        ("up", "--port", "70000"),
        ("migrate", "--rollback"),
        ("migrate", "feed", "--rollback", "--check"),
        ("rebuild", "graph"),
        ("events", "tail"),
        ("events", "replay", "social.like.created", "--id", "one"),
        ("bench", "compare", "nothing.json", "nothing.json"),
    ],
    ids=" ".join,
)
async def test_usage(nowhere: Commands, arguments: tuple[str, ...]) -> None:
    refused = await nowhere(*arguments)
    assert refused.code == 2
    assert refused.err
    assert not nowhere.data.exists()


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [
        (("serve", "kitchen"), "identity, user, graph"),
        (("relay", "kitchen"), "identity, user, graph"),
        (("migrate", "kitchen"), "identity, user, graph"),
        (("events", "tail", "kitchen.on.fire"), "social.like.created"),
        (("events", "replay", "kitchen.on.fire"), "social.like.created"),
        (("bench", "run", "kitchen"), "tour"),
        (("bench", "kitchen"), "tour"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
async def test_a_name_that_is_none(nowhere: Commands, arguments: tuple[str, ...], instead: str) -> None:
    refused = await nowhere(*arguments)
    assert refused.code == 1
    assert instead in refused.err
    assert not nowhere.data.exists()


async def test_benchmarks_are_listed(nowhere: Commands) -> None:
    assert (await nowhere("bench", "list")).out.startswith("tour ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("events", "tail", "social.like.created"),
        ("events", "dlq"),
        ("migrate", "--check"),
        ("rebuild", "all", "--verify"),
    ],
    ids=" ".join,
)
async def test_looking_makes_no_data_folder(nowhere: Commands, arguments: tuple[str, ...]) -> None:
    refused = await nowhere(*arguments)
    assert refused.code == 1
    assert "begin with `nova up`" in refused.err
    assert not nowhere.data.exists()
