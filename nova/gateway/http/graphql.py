"""GraphQL over HTTP (the GraphQL Foundation's specification, draft of 2025): POST and GET on /graphql."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from nova.gateway.auth import verified
from nova.gateway.engine import Answer, Caller, Engine, GraphQLRequest
from nova.gateway.errors import BadRequest, ErrorCode, request_errors
from nova.gateway.http import strict_json
from nova.gateway.http.request import Request
from nova.gateway.http.response import Refused, Response
from nova.platform.auth.tokens import Verifier
from nova.platform.errors import NovaError, Unauthenticated

GRAPHQL_JSON: Final = "application/graphql-response+json"
PLAIN_JSON: Final = "application/json"
_STATUS: Final[Mapping[ErrorCode, int]] = {
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.TIMEOUT: 504,
    ErrorCode.INTERNAL: 500,
}
# With plain JSON the status is 200 for every well-formed request, but for what proxies and load tools must see.
_STATUS_OF_PLAIN: Final = {ErrorCode.RATE_LIMITED: 429, ErrorCode.UNAVAILABLE: 503}


class GraphQLRoute:
    """The handler of /graphql."""

    def __init__(self, engine: Engine, verifier: Verifier, *, most_bytes: int) -> None:
        self._engine = engine
        self._verifier = verifier
        self._most_bytes = most_bytes

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        accepted = _negotiated(request.headers.get("accept"))
        if request.foreign_origin():
            raise Refused(403, "Pages of other origins may not ask here.")
        body = await self._read(request)
        try:
            parsed = _parsed(body) if request.method == "POST" else _from_query(request.query)
            known = await verified(self._verifier, request.headers.get("authorization"))
        except NovaError as error:
            return _refused(error, accepted, request)
        caller = Caller(
            actor=known.actor if known else None,
            client=request.client,
            request_id=request.request_id,
            reads_only=request.method == "GET",
        )
        return _response(await self._engine.run(parsed, caller), accepted)

    async def _read(self, request: Request) -> bytes:
        """Return the body of a POST. Only JSON is taken: browsers send it to others only after a preflight."""
        if request.method == "GET":
            return b""
        kind, _, parameters = request.headers.get("content-type", "").partition(";")
        charset = parameters.strip().lower().removeprefix("charset=").strip('"')
        if kind.strip().lower() != PLAIN_JSON or charset not in {"", "utf-8", "utf8"}:
            raise Refused(415, f"Send {PLAIN_JSON} in UTF-8.", headers={"accept-post": PLAIN_JSON})
        return await request.body(self._most_bytes)


def _negotiated(accept: str | None) -> str:
    """Return the media type to answer with; raises `Refused` when none of ours is acceptable."""
    if not accept:
        return PLAIN_JSON
    best, best_weight = "", 0.0
    for entry in accept.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        weight = _weight(parameters)
        offer = {
            GRAPHQL_JSON: GRAPHQL_JSON,
            PLAIN_JSON: PLAIN_JSON,
            "application/*": PLAIN_JSON,
            "*/*": PLAIN_JSON,
        }
        if name in offer and weight > best_weight:
            best, best_weight = offer[name], weight
    if not best:
        raise Refused(406, f"Answers come as {GRAPHQL_JSON} or {PLAIN_JSON}.")
    return best


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def _parsed(body: bytes) -> GraphQLRequest:
    try:
        value = strict_json.loads(body)
    except strict_json.BadJson as error:
        raise BadRequest(f"The body cannot be read: {error}.") from None
    return request_of(value)


def _from_query(query: bytes) -> GraphQLRequest:
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query), errors="strict"
        )
        value: dict[str, Any] = dict(pairs)
        for name in ("variables", "extensions"):
            text = value.pop(name, "")
            if text:
                value[name] = strict_json.loads(text.encode())
    except ValueError:
        raise BadRequest("The query string cannot be read.") from None
    if len(dict(pairs)) != len(pairs):
        raise BadRequest("A parameter appears twice.")
    return request_of(value)


def request_of(value: object) -> GraphQLRequest:
    """Return the request that a JSON value makes; raises `BadRequest`. Batches (arrays) are not taken."""
    if not isinstance(value, dict):
        raise BadRequest("Send one JSON object with a query; batching is off.")
    extensions = _member(value, "extensions", dict) or {}
    persisted = _member(extensions, "persistedQuery", dict) or {}
    sha256 = _member(persisted, "sha256Hash", str)
    request = GraphQLRequest(
        query=_member(value, "query", str),
        document_id=_member(value, "documentId", str),
        sha256=sha256.lower() if sha256 else None,
        operation_name=_member(value, "operationName", str) or None,
        variables=_member(value, "variables", dict) or {},
    )
    if request.query is None and request.document_id is None and request.sha256 is None:
        raise BadRequest("Send a query, or the id of a document.")
    return request


def _member(value: Mapping[str, Any], name: str, kind: type) -> Any:  # noqa: ANN401 - `kind`, or None
    found = value.get(name)
    if found is not None and not isinstance(found, kind):
        raise BadRequest(f"{name} has the wrong type.")
    return found


def _response(answer: Answer, accepted: str) -> Response:
    response = Response(body=answer.body, content_type=f"{accepted}; charset=utf-8")
    response.headers.update({name.lower(): value for name, value in answer.headers.items()})
    if answer.refused is None:
        return response
    if answer.reason == "MUTATION_OVER_GET":
        response.status = 405
        response.headers["allow"] = "POST"
    elif accepted == GRAPHQL_JSON:
        response.status = _STATUS.get(answer.refused, 400)
    else:
        response.status = _STATUS_OF_PLAIN.get(answer.refused, 200)
    if response.status == 401:
        response.headers["www-authenticate"] = "Bearer"
    retry_after = answer.errors[0]["extensions"].get("retryAfter")
    if retry_after is not None and response.status in {429, 503}:
        response.headers.setdefault("retry-after", str(max(1, round(retry_after))))
    return response


def _refused(error: NovaError, accepted: str, request: Request) -> Response:
    """Answer a request that is not one, or whose token is not good: by status, whatever the media type."""
    body = orjson.dumps({"errors": request_errors(error, request.request_id)})
    response = Response(400, body, f"{accepted}; charset=utf-8")
    if isinstance(error, Unauthenticated):
        response.status = 401
        response.headers["www-authenticate"] = 'Bearer error="invalid_token"'
    elif not isinstance(error, BadRequest):
        response.status = 503
    return response
