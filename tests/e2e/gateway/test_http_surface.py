"""H7 to H12 and the paths beside GraphQL: origins, methods, headers, problems, media, playground, keys, metrics."""

import hashlib
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.e2e.gateway.door import Door
from tests.unit.gateway.edge import Edge
from tests.unit.gateway.town import PASSWORD, Town

QUERY = b'{"query":"{ __typename }"}'
JSON = {"content-type": "application/json"}


@pytest.fixture
async def http(door: Door) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=door.url) as client:
        yield client


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
async def test_h7_what_a_browser_sends_without_preflight_is_refused(
    http: httpx.AsyncClient, kind: str
) -> None:
    answer = await http.post("/graphql", content=QUERY, headers={"content-type": kind})
    assert answer.status_code == 415


async def test_h7_a_mutation_by_get_is_405(http: httpx.AsyncClient) -> None:
    text = 'mutation { signIn(input: {login: "a", password: "b"}) { userErrors { code } } }'
    answer = await http.get("/graphql", params={"query": text})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_a_query_by_get_is_answered(http: httpx.AsyncClient) -> None:
    text = "query Q($a: Boolean!) { __typename @include(if: $a) }"
    answer = await http.get(
        "/graphql", params={"query": text, "variables": '{"a": true}', "operationName": "Q"}
    )
    assert answer.json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize(
    "params", ["query=%7B__typename%7D&query=%7Ba%7D", "query=%FF", "variables={", "query=a&variables=[]", ""]
)
async def test_h6_bad_parameters_are_400(http: httpx.AsyncClient, params: str) -> None:
    assert (await http.get(f"/graphql?{params}")).status_code == 400


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "\u00ff"]
)
async def test_h8_foreign_pages_get_nothing(http: httpx.AsyncClient, door: Door, origin: str) -> None:
    for method, path in (("POST", "/graphql"), ("POST", "/auth/login"), ("OPTIONS", "/graphql")):
        headers = {b"content-type": b"application/json", b"origin": origin.encode("latin-1")}
        answer = await http.request(method, path, content=QUERY, headers=headers)
        assert answer.status_code in {403, 405}
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_h8_the_own_page_may_ask(http: httpx.AsyncClient, door: Door) -> None:
    answer = await http.post("/graphql", content=QUERY, headers={**JSON, "origin": door.url})
    assert answer.status_code == 200


async def test_h8_a_navigation_from_elsewhere_may_not_ask(http: httpx.AsyncClient) -> None:
    answer = await http.get("/graphql?query={__typename}", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


async def test_h9_claimed_addresses_and_users_are_ignored(http: httpx.AsyncClient, door: Door) -> None:
    headers = {**JSON, "x-forwarded-for": "10.0.0.1", "x-forwarded-host": "evil.example", "x-user-id": "1"}
    answer = await http.post("/graphql", content=b'{"query":"{ viewer { email } }"}', headers=headers)
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "path",
    ["/graphql/", "//graphql", "/GRAPHQL", "/graphql/.", "/x/../graphql", "/%67raphql", "/graphql%00", "/graphql;a",
     "/media/../livez", "/media/%2e%2e/livez", "/media/..%2fx.png", "/media/", "/playground/../livez", "/nothing"],
)  # fmt: skip
async def test_h10_one_form_of_a_path_or_404(door: Door, path: str) -> None:
    reply = await door.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert reply.status == 404


async def test_h10_metrics_stay_inside(door: Door, gate: Edge) -> None:
    metrics = await door.raw(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"http_requests_total" in metrics.body
    assert (await gate.send("GET", "/metrics", peer="203.0.113.9")).status == 404
    for headers in ({"x-forwarded-for": "203.0.113.9"}, {"host": "nova.example"}, {"forwarded": "for=x"}):
        assert (await gate.send("GET", "/metrics", headers=headers)).status == 404


@pytest.mark.parametrize(
    "given", ["short", "x" * 65, "has space in it", 'quote"quote', "<script>alert", "é" * 10]
)
async def test_h11_unclean_request_ids_are_replaced(gate: Edge, given: str) -> None:
    headers = {**JSON, "x-request-id": given, "traceparent": "junk" * 1000}
    answer = await gate.send("POST", "/graphql", headers=headers, body=QUERY)
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_h11_a_clean_request_id_is_echoed(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/graphql", content=b'{"query":"{ nope }"}', headers={**JSON, "x-request-id": "trace-1234"}
    )
    assert answer.headers["x-request-id"] == "trace-1234"
    assert answer.json()["errors"][0]["extensions"]["requestId"] == "trace-1234"


async def test_h12_personal_answers_are_not_stored(http: httpx.AsyncClient) -> None:
    for answer in (
        await http.post("/graphql", content=QUERY, headers=JSON),
        await http.get("/graphql?query={__typename}"),
        await http.post("/auth/login", json={"login": "x", "password": "y"}),
        await http.get("/nothing"),
    ):
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_login_refresh_and_logout(http: httpx.AsyncClient, town: Town) -> None:
    town.person("ada")
    answer = await http.post("/auth/login", json={"login": "ada", "password": PASSWORD})
    assert answer.status_code == 200
    tokens = answer.json()
    assert tokens.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    again = await http.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert again.json()["token_type"] == "Bearer"
    bearer = {"authorization": f"Bearer {again.json()['access_token']}"}
    assert (await http.post("/auth/logout", headers=bearer)).status_code == 204
    assert town.calls["identity.SignOut"] == 1


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/auth/login", '{"login": "ada", "password": "wrong"}', (401, "INVALID_CREDENTIALS")),
        ("/auth/login", '{"login": "ada"}', (400, "INVALID_ARGUMENT")),
        ("/auth/login", '{"login": "ada", "password": "x", "admin": true}', (400, "INVALID_ARGUMENT")),
        ("/auth/login", '{"login": ["ada"], "password": "x"}', (400, "INVALID_ARGUMENT")),
        ("/auth/login", "[]", (400, "INVALID_ARGUMENT")),
        ("/auth/login", "{", (400, "INVALID_ARGUMENT")),
        ("/auth/refresh", '{"refresh_token": "junk"}', (401, "REFRESH_TOKEN_INVALID")),
        ("/auth/logout", "", (401, "UNAUTHENTICATED")),
    ],
)
async def test_refusals_are_problems(
    http: httpx.AsyncClient, town: Town, path: str, body: str, expected: tuple[int, str]
) -> None:
    town.person("ada")
    answer = await http.post(path, content=body, headers=JSON)
    assert answer.status_code == expected[0]
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == expected
    assert problem["requestId"] == answer.headers["x-request-id"]


async def test_methods_are_named_where_another_was_used(http: httpx.AsyncClient) -> None:
    for method, path, allow in (("GET", "/auth/login", "POST"), ("POST", "/livez", "GET, HEAD")):
        answer = await http.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allow)


async def test_the_playground_needs_no_internet(http: httpx.AsyncClient) -> None:
    page = await http.get("/playground")
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    links = [
        link for link in re.findall(r'(?:src|href)="([^"]+)"', page.text) if not link.startswith("data:")
    ]
    assert links
    for link in links:
        assert link.startswith("/playground/")
        file = await http.get(link)
        assert file.status_code == 200
        again = await http.get(link, headers={"if-none-match": file.headers["etag"]})
        assert again.status_code == 304
    script = (await http.get("/playground/playground.js")).content
    assert b"GraphiQL" in script
    assert b"/graphql" in script
    assert (await http.get("/playground/LICENSES.txt")).text.count("MIT") > 10


async def test_media_is_served_for_ever_and_in_parts(http: httpx.AsyncClient, door: Door) -> None:
    data = bytes(range(256)) * 3000
    key = hashlib.sha256(data).hexdigest()[:32]
    await door.edge.platform.blobs.put(f"media/{key}.webp", data)
    whole = await http.get(f"/media/{key}.webp")
    assert whole.content == data
    assert whole.headers["content-type"] == "image/webp"
    assert whole.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert whole.headers["x-content-type-options"] == "nosniff"
    etag = whole.headers["etag"]
    unchanged = await http.get(f"/media/{key}.webp", headers={"if-none-match": f'"x", W/{etag}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    head = await http.head(f"/media/{key}.webp")
    assert (head.headers["content-length"], head.content) == (str(len(data)), b"")


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=90-", 206, slice(90, 100)),
        ("bytes=-10", 206, slice(90, 100)),
        ("bytes=-1000", 200, slice(0, 100)),
        ("bytes=50-5000", 206, slice(50, 100)),
        ("bytes=9-3", 200, slice(0, 100)),
        ("bytes=0-1,5-6", 200, slice(0, 100)),
        ("lines=0-1", 200, slice(0, 100)),
        ("bytes=100-", 416, slice(0, 0)),
        ("bytes=-0", 416, slice(0, 0)),
    ],
)
async def test_ranges(http: httpx.AsyncClient, door: Door, asked: str, status: int, part: slice) -> None:
    data = bytes(range(100))
    await door.edge.platform.blobs.put("media/r.png", data)
    answer = await http.get("/media/r.png", headers={"range": asked})
    assert answer.status_code == status
    if status == 416:
        assert answer.headers["content-range"] == "bytes */100"
        return
    assert answer.content == data[part]
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {part.start}-{part.stop - 1}/100"
    stale = await http.get("/media/r.png", headers={"range": asked, "if-range": '"old"'})
    assert stale.status_code == 200


@pytest.mark.parametrize(
    "key", ["none.png", "page.html", "picture.svg", "no-extension", "A.png", ".hidden.png"]
)
async def test_what_is_no_medium_is_404(http: httpx.AsyncClient, key: str) -> None:
    assert (await http.get(f"/media/{key}")).status_code == 404


async def test_keys_and_health(http: httpx.AsyncClient, town: Town) -> None:
    for _ in range(3):
        keys = await http.get("/.well-known/jwks.json")
        assert keys.json() == {"keys": []}
        assert keys.headers["cache-control"].startswith("public")
    assert town.calls["identity.GetKeySet"] == 1
    assert (await http.get("/livez")).json()["status"] == "ok"
    assert (await http.get("/readyz", headers={"host": "10.1.2.3:8080"})).status_code == 200
