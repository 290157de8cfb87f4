"""The file of weights: read strictly, and held to the declared features."""

import pytest

from nova.services.features.model import DECLARED
from nova.services.ranking.model import BadModel, load_model, parse_model

SMALL = """
name = "small"
version = 3
[importance]
like = 1.0
[weights.recency]
like = 1.0
[weights.from_followed]
like = 1.0
[weights.from_second_degree]
like = 1.0
[weights.on_topic]
like = 1.0
[diversity]
decay = 0.5
floor = 0.25
"""


def test_the_model_weighs_exactly_what_is_declared() -> None:
    load_model().require([feature.name for feature in DECLARED])


def test_a_model_says_who_it_is() -> None:
    assert parse_model(SMALL).label == "small-3"


@pytest.mark.parametrize("declared", [[], ["post_likes", "moon_phase"]])
def test_other_features_than_declared_refuse_to_start(declared: list[str]) -> None:
    with pytest.raises(BadModel):
        load_model().require(declared)


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "not toml [",
        SMALL.replace("[weights.recency]\nlike = 1.0\n", ""),
        SMALL.replace("[weights.recency]\nlike = 1.0", "[weights.recency]\nshare = 1.0"),
        SMALL.replace("version = 3", 'version = "three"'),
        SMALL.replace("[importance]\nlike = 1.0", "[importance]\nlike = 'much'"),
    ],
)
def test_a_broken_file_says_so(broken: str) -> None:
    with pytest.raises(BadModel, match=r"weights\.toml"):
        parse_model(broken)
