"""What the people go on doing: at a natural pace, as themselves, and differently at each seed."""

from itertools import islice

from nova.app.world.life import CAST, Act, CommentAct, FollowAct, Life, LikeAct, PostAct
from nova.app.world.model import World
from nova.policy import rules


def acts(world: World, seed: int, count: int) -> list[Act]:
    return list(islice(Life(world, seed).acts(), count))


def test_the_same_seed_lives_the_same_life(world: World) -> None:
    assert acts(world, 3, 200) == acts(world, 3, 200)
    assert acts(world, 3, 200) != acts(world, 4, 200)


def test_the_pace_is_that_of_a_small_network(world: World) -> None:
    lived = acts(world, 3, 20_000)
    took_s = sum(act.after_s for act in lived)
    every_s = {
        kind: took_s / sum(isinstance(act, kind) for act in lived) for kind in (PostAct, LikeAct, CommentAct)
    }
    assert 6 < every_s[PostAct] < 11
    assert 0.7 < every_s[LikeAct] < 1.5
    assert 3.5 < every_s[CommentAct] < 7
    assert any(isinstance(act, FollowAct) for act in lived)


def test_a_cast_acts_and_says_what_the_api_takes(world: World) -> None:
    life = Life(world, 3)
    assert len({person.id for person in life.cast}) == CAST
    for act in islice(life.acts(), 5_000):
        assert act.person in life.cast
        match act:
            case PostAct():
                assert rules.caption(act.caption) == act.caption
                assert rules.tags(act.tags) == act.tags
            case CommentAct():
                assert act.text
