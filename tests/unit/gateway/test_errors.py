"""Errors as clients see them: every code of the contract, with the request's id, and what else belongs to it."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from graphql import build_schema, graphql_sync
from prometheus_client import REGISTRY

from nova.gateway.errors import ErrorCode, field_error
from nova.platform.config import GraphQL, PersistedQueries
from nova.platform.errors import (
    Forbidden,
    IdempotencyConflict,
    InvalidArgument,
    NotFound,
    NovaError,
    RateLimited,
    Timeout,
    Unauthenticated,
    Unavailable,
)
from nova.platform.telemetry import metrics
from tests.unit.gateway.edge import Edge, edge, without_rates
from tests.unit.gateway.town import Town

ACCOUNT = "{ viewer { email } }"
UNKNOWN = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
REFUSED = {
    ErrorCode.UNAUTHENTICATED: {"query": ACCOUNT},
    ErrorCode.BAD_USER_INPUT: {"query": "{ nope }"},
    ErrorCode.QUERY_TOO_COMPLEX: {"query": "{" + " a" * 400 + " }"},
    ErrorCode.QUERY_TOO_DEEP: {"query": "{ a" * 11 + " }" * 11},
    ErrorCode.BACKEND_BUDGET_EXCEEDED: {
        "query": "{"
        + " ".join(f"f{n}: homeFeed(first: {n + 1}) {{ edges {{ cursor }} }}" for n in range(11))
        + "}"
    },
    ErrorCode.PERSISTED_QUERY_NOT_FOUND: {"extensions": UNKNOWN},
}
FROM_ROOMS: dict[ErrorCode, Exception] = {
    ErrorCode.UNAUTHENTICATED: Unauthenticated(),
    ErrorCode.FORBIDDEN: Forbidden(),
    ErrorCode.BAD_USER_INPUT: InvalidArgument("Too long."),
    ErrorCode.NOT_FOUND: NotFound(),
    ErrorCode.RATE_LIMITED: RateLimited("Slower.", retry_after_s=7.5),
    ErrorCode.IDEMPOTENCY_CONFLICT: IdempotencyConflict(),
    ErrorCode.UNAVAILABLE: Unavailable("Later.", retry_after_s=2.0),
    ErrorCode.TIMEOUT: Timeout(),
    ErrorCode.INTERNAL: RuntimeError("secret: table users"),
}


def test_every_code_of_the_contract_is_shown_here() -> None:
    shown = REFUSED.keys() | FROM_ROOMS.keys() | {ErrorCode.PERSISTED_QUERY_REQUIRED}
    assert shown == set(ErrorCode)


@pytest.mark.parametrize("code", REFUSED)
async def test_a_refusal_has_its_code_and_the_id_of_its_request(gate: Edge, code: ErrorCode) -> None:
    before = _refused()
    answer = await gate.ask(**REFUSED[code])  # type: ignore[arg-type]
    assert _refused() == before + 1
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == code
    assert error["extensions"]["requestId"] == answer.headers["x-request-id"]
    assert "data" not in answer.json()


async def test_a_manifest_asks_for_its_documents(town: Town, redis_url: str, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(orjson.dumps({"account": ACCOUNT}))
    graphql = GraphQL(persisted=PersistedQueries.TRUSTED, trusted_documents=manifest)
    async with edge(town, redis_url, config=replace(without_rates(), graphql=graphql)) as gate:
        answer = await gate.ask(ACCOUNT)
    extensions = answer.json()["errors"][0]["extensions"]
    assert extensions == {
        "code": ErrorCode.PERSISTED_QUERY_REQUIRED,
        "requestId": answer.headers["x-request-id"],
    }


@pytest.mark.parametrize("code", FROM_ROOMS)
async def test_an_error_of_a_room_has_its_code_and_the_answer_its_cost(
    gate: Edge, town: Town, ada: bytes, code: ErrorCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised = FROM_ROOMS[code]

    def called(_method: str) -> None:
        raise raised

    monkeypatch.setattr(town, "called", called)
    answer = await gate.ask("{ __typename viewer { email } }", viewer=ada)
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == code
    assert error["extensions"]["requestId"] == answer.headers["x-request-id"]
    assert error["path"] == ["viewer", "email"]
    assert error["locations"]
    retry_after = raised.retry_after_s if isinstance(raised, NovaError) else None
    assert error["extensions"].get("retryAfter") == retry_after
    assert b"secret" not in answer.body
    assert answer.json()["data"] == {"__typename": "Query", "viewer": None}
    assert answer.json()["extensions"]["cost"]["complexity"] == 1


@pytest.mark.parametrize(
    ("query", "raised", "outcome"),
    [
        (ACCOUNT, None, "ok"),
        ("{ nope }", None, "refused"),
        (ACCOUNT, Forbidden(), "refused"),
        (ACCOUNT, RuntimeError(), "failed"),
        (ACCOUNT, Unavailable(), "failed"),
    ],
)
async def test_each_operation_is_counted_by_how_it_ended(
    *,
    gate: Edge,
    town: Town,
    ada: bytes,
    query: str,
    raised: Exception | None,
    outcome: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def called(_method: str) -> None:
        if raised is not None:
            raise raised

    monkeypatch.setattr(town, "called", called)
    before = _outcomes()
    await gate.ask(query, viewer=ada)
    assert _outcomes() == {**before, outcome: before[outcome] + 1}


async def test_an_answer_that_leaves_parts_out_is_counted_as_degraded(
    gate: Edge, town: Town, ada: bytes
) -> None:
    town.post(town.person("bob"))
    town.down = {"social"}
    before = _outcomes()
    answer = await gate.ask("{ homeFeed { edges { node { caption likeCount } } } }", viewer=ada)
    assert answer.json()["extensions"]["degraded"]
    assert _outcomes() == {**before, "degraded": before["degraded"] + 1}


def test_what_broke_is_counted_by_its_name_in_the_schema() -> None:
    def broken(_info: object) -> str:
        raise ValueError

    before = _unknown("email")
    outcome = graphql_sync(
        build_schema("type Query { email: String }"), "{ chosenByTheCaller: email }", {"email": broken}
    )
    assert outcome.errors is not None
    assert field_error(outcome.errors[0], "a request")["extensions"]["code"] == "INTERNAL"
    assert (_unknown("email"), _unknown("chosenByTheCaller")) == (before + 1, 0)


def _unknown(field: str) -> float:
    return REGISTRY.get_sample_value("unknown_errors_total", {"room": "gateway", "method": field}) or 0


def _outcomes() -> dict[str, float]:
    """Return how many operations ended how."""
    (family,) = metrics.OPERATIONS.collect()
    return {
        sample.labels["outcome"]: sample.value for sample in family.samples if sample.name.endswith("_total")
    }


def _refused() -> float:
    """Return how many operations the metric says were refused."""
    (family,) = metrics.OPERATIONS_REFUSED.collect()
    return sum(sample.value for sample in family.samples if sample.name.endswith("_total"))


PAGES = {
    "viewer": "viewer { user { handle followerCount postCount } }",
    "person": 'user(handle: "bob") { handle followerCount posts(first: 2) { edges { node { caption likeCount } } } }',
    "home": "homeFeed { edges { node { caption likeCount author { handle followerCount } } } }",
    "threads": "homeFeed { edges { node { caption comments(first: 2) { edges { node { text } } } } } }",
}


@pytest.mark.parametrize("room", ["identity", "user", "graph", "content", "social", "feed"])
@pytest.mark.parametrize("page", PAGES)
async def test_a_lost_room_is_named_and_leaves_the_rest_of_the_answer(
    gate: Edge, town: Town, page: str, room: str
) -> None:
    ada, bob = town.person("ada"), town.person("bob")
    town.comment(town.post(bob), ada)
    text = f"{{ __typename {PAGES[page]} }}"
    town.down = {room}
    answer = (await gate.ask(text, viewer=ada)).json()
    town.down = set()
    whole = (await gate.ask(text, viewer=ada)).json()
    assert "errors" not in whole
    assert "degraded" not in whole["extensions"]
    assert answer["data"]["__typename"] == "Query"
    assert answer["extensions"]["cost"].keys() == {"complexity", "depth", "backendCalls"}
    lost = {error["extensions"]["code"] for error in answer.get("errors", ())}
    assert lost <= {"UNAVAILABLE"}
    assert answer["extensions"].get("degraded", [room]) == [room]
    if answer["data"] != whole["data"]:
        assert lost or answer["extensions"]["degraded"] == [room]
