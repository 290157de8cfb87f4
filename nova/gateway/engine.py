"""From a request to its answer: document, limits, cost, plan, viewer, rates, and only then the first call."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, cast

import orjson
import structlog
from graphql import ExecutionResult, GraphQLSchema, execute
from strawberry.execution.is_awaitable import optimized_is_awaitable

from nova.gateway.auth import require_viewer
from nova.gateway.context import Client, RequestContext, Rooms
from nova.gateway.documents import Document, Documents, Operation, Priced
from nova.gateway.errors import (
    ErrorCode,
    Outcome,
    PersistedQueryNotFound,
    PersistedQueryRequired,
    QueryTooComplex,
    TooBusy,
    code_of,
    field_error,
    outcome_of,
    request_errors,
)
from nova.gateway.executor import ReadingExecutor
from nova.gateway.limits import Limits
from nova.gateway.persisted import HashMismatch, Owner, RegisteredDocuments, TrustedDocuments
from nova.gateway.rates import Rates
from nova.gateway.readers import Readers
from nova.gateway.shedding import Shedding
from nova.platform.auth.actor import Actor
from nova.platform.auth.tokens import Verifier
from nova.platform.config import PersistedQueries
from nova.platform.errors import Internal, InvalidArgument, NovaError, Timeout
from nova.platform.telemetry import metrics

_log = structlog.get_logger(__name__)

TIMEOUT_S: Final = 10.0
_OUTCOMES: Final = {outcome: metrics.OPERATIONS.labels(outcome) for outcome in Outcome}


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphQLRequest:
    """What was asked, by any of the ways in."""

    query: str | None = None
    document_id: str | None = None
    sha256: str | None = None
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. A caller that may only read (GET) cannot run a mutation."""

    actor: Actor | None
    client: Client
    request_id: str
    reads_only: bool = False


@dataclass(slots=True, kw_only=True)
class Answer:
    """An answer as JSON. When nothing was run, `refused` and `reason` say why, and `errors` is its list."""

    body: bytes
    outcome: Outcome
    refused: ErrorCode | None = None
    reason: str = ""
    errors: list[dict[str, Any]] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)


class MutationOverGet(InvalidArgument):
    """A mutation goes by POST."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where documents come from when they are not sent."""

    mode: PersistedQueries
    registered: RegisteredDocuments
    trusted: TrustedDocuments


class Engine:
    """Runs operations of one schema."""

    def __init__(
        self,
        *,
        schema: GraphQLSchema,
        documents: Documents,
        store: Store,
        rooms: Rooms,
        readers: Callable[[RequestContext], Readers],
        verifier: Verifier,
        rates: Rates | None,
        shedding: Shedding | None,
        secrets: Sequence[str],
        limits: Limits,
    ) -> None:
        self._schema = schema
        self._documents = documents
        self._store = store
        self._rooms = rooms
        self._readers = readers
        self._verifier = verifier
        self._rates = rates
        self._shedding = shedding
        metrics.OPERATIONS_REFUSED.labels(TooBusy().reason)
        self._secrets = secrets
        self._limits = limits

    async def run(self, request: GraphQLRequest, caller: Caller) -> Answer:
        """Return the answer to one request; never raises but for cancellation."""
        answer = await self._answer(request, caller)
        _OUTCOMES[answer.outcome].inc()
        return answer

    async def _answer(self, request: GraphQLRequest, caller: Caller) -> Answer:
        headers: dict[str, str] = {}
        try:
            with self._shedding.admitted() if self._shedding else nullcontext():
                return await self._run(request, caller, headers)
        except NovaError as error:
            return _refusal(error, caller, headers)
        except TimeoutError:
            return _refusal(Timeout(), caller, headers)
        except Exception:  # noqa: BLE001 - whatever broke, the caller is told no more than that it did
            _log.exception("operation_broke", request_id=caller.request_id)
            metrics.UNKNOWN_ERRORS.labels("gateway", "graphql").inc()
            return _refusal(Internal(), caller, headers)

    async def _run(self, request: GraphQLRequest, caller: Caller, headers: dict[str, str]) -> Answer:
        async with asyncio.timeout(TIMEOUT_S):
            document = await self._document(request, caller)
            operation = document.operation(request.operation_name)
            priced = self._documents.price(operation, request.variables)
            await self._admit(operation, caller, headers)
            ready = _Ready(document, operation, priced, request.variables)
            return await self._execute(ready, caller, headers)

    async def _document(self, request: GraphQLRequest, caller: Caller) -> Document:
        """Return the document to run, sent or known."""
        store = self._store
        wanted = request.document_id or request.sha256
        text = store.trusted.find(wanted) if wanted else None
        if text is not None:
            return self._documents.read(text)
        if store.mode is PersistedQueries.TRUSTED:
            raise PersistedQueryNotFound if wanted else PersistedQueryRequired
        if request.query is None:
            if wanted is None:
                raise InvalidArgument("Send a query, or the id of one that is known.", field="query")
            known = wanted.removeprefix("sha256:")
            owner = self._owner(caller)
            text = await store.registered.find(owner, known) if owner else None
            if text is None:
                raise PersistedQueryNotFound
            return self._documents.read(text)
        document = self._documents.read(request.query)
        if request.sha256 is not None:
            if document.sha256 != request.sha256:
                raise HashMismatch(field="sha256Hash")
            owner = self._owner(caller)
            if owner:
                await store.registered.keep(owner, document.sha256, document.text)
        return document

    def _owner(self, caller: Caller) -> Owner | None:
        """Return under whose name documents are registered; None where they are not."""
        if self._store.mode is not PersistedQueries.APQ:
            return None
        if caller.actor is None:
            return Owner(caller.client.address, signed_in=False)
        return Owner(str(caller.actor.user_id), signed_in=True)

    async def _admit(self, operation: Operation, caller: Caller, headers: dict[str, str]) -> None:
        """Let the operation in, or raise: by method, by viewer, by rates."""
        if operation.is_mutation and caller.reads_only:
            raise MutationOverGet
        if caller.actor is None:
            require_viewer(operation)
        if self._rates is None:
            return
        self._rates.take_more(caller.client.address, operation)
        if caller.actor is not None:
            verdict = await self._rates.take_fields(caller.actor, operation)
            headers.update(verdict.headers())
            verdict.require()

    async def _execute(self, ready: "_Ready", caller: Caller, headers: Mapping[str, str]) -> Answer:
        context = RequestContext(
            rooms=self._rooms,
            readers=self._readers,
            verifier=self._verifier,
            secrets=self._secrets,
            actor=caller.actor,
            client=caller.client,
            request_id=caller.request_id,
            operation=ready.operation,
            most_calls=self._limits.backend_calls,
            deadline=time.monotonic() + TIMEOUT_S,
        )
        try:
            outcome = execute(
                self._schema,
                ready.document.ast,
                context_value=context,
                variable_values=dict(ready.variables),
                operation_name=ready.operation.name,
                executor_class=ReadingExecutor,
                is_awaitable=cast("Any", optimized_is_awaitable),
                hide_suggestions=self._documents.hide_suggestions,
            )
            result = outcome if isinstance(outcome, ExecutionResult) else await outcome
        finally:
            context.close()
        payload = _payload(result, context, ready)
        body = orjson.dumps(payload)
        if len(body) > self._limits.answer_bytes:
            raise QueryTooComplex(f"The answer has more than {self._limits.answer_bytes} bytes.")
        codes = [ErrorCode(error["extensions"]["code"]) for error in payload.get("errors", ())]
        ended = outcome_of(codes, degraded=bool(context.degraded))
        return Answer(body=body, outcome=ended, headers=headers)


@dataclass(frozen=True, slots=True)
class _Ready:
    """An operation that was let in."""

    document: Document
    operation: Operation
    priced: Priced
    variables: Mapping[str, Any]


def _payload(result: ExecutionResult, context: RequestContext, ready: _Ready) -> dict[str, Any]:
    extensions: dict[str, Any] = {
        "cost": {
            "complexity": ready.priced.cost,
            "depth": ready.operation.size.depth,
            "backendCalls": context.waves.calls,
        }
    }
    if context.degraded:
        extensions["degraded"] = list(context.degraded)
    payload: dict[str, Any] = {"data": result.data, "extensions": extensions}
    if result.errors:
        payload["errors"] = [field_error(error, context.request_id) for error in result.errors]
    return payload


def _refusal(error: NovaError, caller: Caller, headers: Mapping[str, str]) -> Answer:
    errors = request_errors(error, caller.request_id)
    metrics.OPERATIONS_REFUSED.labels(error.reason).inc()
    code = code_of(error)
    return Answer(
        body=orjson.dumps({"errors": errors}),
        outcome=outcome_of([code]),
        refused=code,
        reason=error.reason,
        errors=errors,
        headers=headers,
    )
