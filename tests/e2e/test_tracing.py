"""One mutation is one connected trace: from the client through the gateway, the room, its SQL and its outbox to the
effect at each consumer, whichever processes these are."""

import secrets
from typing import Any

from nova.platform.telemetry.spans import Recorded, read_spans
from nova.platform.telemetry.tracing import traces_in
from tests.e2e.nova import Nova, Person
from tests.e2e.shapes import ONE_PROCESS
from tests.waiting import until

CREATE = """mutation {
  createPost(input: { caption: "traced", contentType: TEXT }) { post { id } userErrors { message } } }"""
DELETE = "mutation($id: ID!) { deletePost(input: { postId: $id }) { userErrors { message } } }"
CLIENT_SPAN = "b7ad6b7169203331"
# What a change of content causes: the way in, the write, the way out.
WRITTEN = {"POST graphql", "content transaction", "content outbox", "content relay"}
# And an effect at everyone who hears of it: at projections, and at consumer groups.
PROJECTIONS = ("feed-postings", "ranking-postings", "features")
CREATED = {
    *WRITTEN,
    "content/CreatePost",
    *(f"{hearer} content.post.created" for hearer in PROJECTIONS),
}
DELETED = {
    *WRITTEN,
    "content/DeletePost",
    *(f"{hearer} content.post.deleted" for hearer in (*PROJECTIONS, "social", "feed")),
}


async def test_one_mutation_is_one_connected_trace(nova: Nova) -> None:
    author = await nova.newcomer("traced")
    created = await _traced(nova, author, CREATE, CREATED)
    post = created["createPost"]["post"]["id"]
    await _traced(nova, author, DELETE, DELETED, id=post)


async def _traced(
    nova: Nova, author: Person, mutation: str, caused: set[str], **variables: str
) -> dict[str, Any]:
    """Let the author do something, and hold its trace against what it must have caused. Return the answer's data."""
    trace_id = secrets.token_hex(16)
    headers = {"authorization": f"Bearer {author.token}", "traceparent": f"00-{trace_id}-{CLIENT_SPAN}-01"}
    answer = await nova.http.post(
        "/graphql", json={"query": mutation, "variables": variables}, headers=headers
    )
    data: dict[str, Any] = answer.json()["data"]
    assert [payload["userErrors"] for payload in data.values()] == [[]]

    def trace() -> list[Recorded]:
        assert nova.engines is not None
        return [span for span in read_spans(traces_in(nova.engines.folder.path)) if span.trace_id == trace_id]

    await until(lambda: {span.name for span in trace()} >= caused)
    spans = trace()
    known = {span.span_id for span in spans}
    assert [span.name for span in spans if span.parent_id not in known] == ["POST graphql"]
    (root,) = [span for span in spans if span.parent_id == CLIENT_SPAN]
    assert (root.name, root.kind) == ("POST graphql", "SERVER")
    for name in caused:
        kinds = sorted(span.kind for span in spans if span.name == name)
        assert kinds == (["CLIENT", "SERVER"] if "/" in name else kinds[:1]), name
    assert not [span for span in spans if span.failed]
    apart = nova.shape != ONE_PROCESS
    served = {span.name: span.service for span in spans if span.kind != "CLIENT"}
    for name, part in (("POST graphql", "gateway"), ("content relay", "relay"), ("feed-postings", "feed")):
        (service,) = {found for served_name, found in served.items() if served_name.startswith(name)}
        assert service == (f"nova-{part}" if apart else "nova"), name
    assert "traced" not in " ".join(value for span in spans for value in span.attributes.values())
    return data
