"""Q6, Q9, Q11 and the specification: documents known by hash, masked errors, bounded answers, media types."""

import hashlib
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from nova.gateway.persisted import MOST_A_USER
from nova.platform.config import GraphQL, PersistedQueries
from tests.unit.gateway.edge import Edge, edge, without_rates
from tests.unit.gateway.town import Town

TEXT = "{ viewer { email } }"
HASH = hashlib.sha256(TEXT.encode()).hexdigest()


def persisted(sha256: str) -> dict[str, object]:
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256}}


async def test_q6_a_document_is_registered_and_then_known(gate: Edge, ada: bytes, bob: bytes) -> None:
    assert await gate.code(viewer=ada, extensions=persisted(HASH)) == "PERSISTED_QUERY_NOT_FOUND"
    answer = await gate.ask(TEXT, viewer=ada, extensions=persisted(HASH))
    assert answer.json()["data"]
    assert (await gate.ask(viewer=ada, extensions=persisted(HASH))).json()["data"]
    assert (await gate.ask(viewer=ada, documentId=f"sha256:{HASH}")).json()["data"]
    assert await gate.code(viewer=bob, extensions=persisted(HASH)) == "PERSISTED_QUERY_NOT_FOUND"


async def test_q6_apollo_is_told_in_its_own_words(gate: Edge, ada: bytes) -> None:
    error = (await gate.ask(viewer=ada, extensions=persisted(HASH))).json()["errors"][0]
    assert error["message"] == "PersistedQueryNotFound"


async def test_q6_a_hash_that_does_not_fit_is_refused(gate: Edge, ada: bytes) -> None:
    assert await gate.code(TEXT, viewer=ada, extensions=persisted("0" * 64)) == "BAD_USER_INPUT"


async def test_q6_a_flood_of_hashes_pushes_out_only_its_own(gate: Edge, ada: bytes, bob: bytes) -> None:
    await gate.data(TEXT, viewer=bob, extensions=persisted(HASH))
    for number in range(MOST_A_USER + 5):
        text = f"query Q{number} {{ __typename }}"
        await gate.data(text, viewer=ada, extensions=persisted(hashlib.sha256(text.encode()).hexdigest()))
    kept = await gate.platform.redis.execute("KEYS", "gateway:documents:*:order")
    assert isinstance(kept, list)
    lengths = [await gate.platform.redis.execute("LLEN", key) for key in kept]
    assert max(lengths) == MOST_A_USER
    assert (await gate.ask(viewer=bob, extensions=persisted(HASH))).json()["data"]


async def test_trusted_documents_and_no_others(
    town: Town, redis_url: str, ada: bytes, tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(orjson.dumps({"viewer-email": TEXT}))
    config = replace(
        without_rates(), graphql=GraphQL(persisted=PersistedQueries.TRUSTED, trusted_documents=manifest)
    )
    async with edge(town, redis_url, config=config) as gate:
        for members in ({"documentId": "viewer-email"}, {"extensions": persisted(HASH)}):
            assert (await gate.ask(viewer=ada, **members)).json()["data"]
        assert await gate.code(TEXT, viewer=ada) == "PERSISTED_QUERY_REQUIRED"
        assert await gate.code(viewer=ada, documentId="other") == "PERSISTED_QUERY_NOT_FOUND"


async def test_off_takes_documents_only(town: Town, redis_url: str, ada: bytes) -> None:
    config = replace(without_rates(), graphql=GraphQL(persisted=PersistedQueries.OFF))
    async with edge(town, redis_url, config=config) as gate:
        assert (await gate.ask(TEXT, viewer=ada, extensions=persisted(HASH))).json()["data"]
        assert await gate.code(viewer=ada, extensions=persisted(HASH)) == "PERSISTED_QUERY_NOT_FOUND"


async def test_q9_an_unknown_error_shows_a_request_id_and_nothing_else(
    gate: Edge, ada: bytes, bob: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("secret detail of table users")

    monkeypatch.setattr("nova.gateway.schema.root.load_users", broken)
    answer = await gate.ask('{ user(handle: "bob") { id } }', viewer=ada)
    assert b"secret" not in answer.body
    error = answer.json()["errors"][0]
    assert error["extensions"] == {"code": "INTERNAL", "requestId": answer.headers["x-request-id"]}


async def test_q11_an_answer_that_is_too_large_is_too_complex(town: Town, redis_url: str, ada: bytes) -> None:
    config = replace(without_rates(), graphql=GraphQL(answer_bytes=100))
    async with edge(town, redis_url, config=config) as gate:
        assert (
            await gate.code("{ __schema { types { name description } } }", viewer=ada) == "QUERY_TOO_COMPLEX"
        )


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/graphql-response+json", "application/graphql-response+json"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("", "application/json"),
        ("application/json;q=0.5, application/graphql-response+json", "application/graphql-response+json"),
    ],
)
async def test_the_media_type_is_negotiated(gate: Edge, accept: str, expected: str) -> None:
    answer = await gate.ask("{ __typename }", accept=accept)
    assert answer.status == 200
    assert answer.headers["content-type"] == f"{expected}; charset=utf-8"


async def test_a_refusal_is_a_status_only_where_the_media_type_says_so(gate: Edge) -> None:
    for text, status in (("{ nope }", 400), ("{", 400), ("{ viewer { email } }", 401)):
        assert (await gate.ask(text)).status == status
        assert (await gate.ask(text, accept="application/json")).status == 200
    assert (await gate.ask("{ __typename }", accept="text/html")).status == 406


async def test_a_bad_token_is_401_for_all(gate: Edge) -> None:
    for accept in ("application/json", "application/graphql-response+json"):
        headers = {"accept": accept, "content-type": "application/json", "authorization": "Bearer junk"}
        answer = await gate.send("POST", "/graphql", headers=headers, body=b'{"query": "{ __typename }"}')
        assert answer.status == 401
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_every_answer_says_its_cost(gate: Edge, ada: bytes) -> None:
    answer = (await gate.ask(TEXT, viewer=ada)).json()
    assert answer["extensions"] == {"cost": {"complexity": 1, "depth": 2, "backendCalls": 1}}
