"""The metrics of requests, calls, tokens and tasks, and the text that Prometheus scrapes.

All metrics of a process live in the default registry of prometheus_client, which is the process's own;
pools, cache, log and limits declare theirs beside their code. Names follow Prometheus: base units, `_total`
for counters. Labels come from closed sets (rooms, methods, codes, reasons), never from users.
"""

from prometheus_client import REGISTRY, Counter, Histogram, generate_latest

from nova.platform.errors import Code

# From a cache hit to the longest deadline.
LATENCY_BUCKETS_S = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.08,
    0.1, 0.12, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
)  # fmt: skip

# What an alert looks for begins at 0 with the process: in a series that is born at 1 nothing has grown. Of what counts
# by code or status that is what fails by our fault; the others come with their first event, and only sums read them.
FAILURES = (Code.INTERNAL, Code.UNAVAILABLE, Code.TIMEOUT)

HTTP_REQUESTS = Counter("http_requests_total", "HTTP requests answered.", ["method", "route", "status"])
HTTP_DURATION = Histogram(
    "http_request_duration_seconds",
    "Time to answer HTTP requests.",
    ["method", "route"],
    buckets=LATENCY_BUCKETS_S,
)
GRPC_REQUESTS = Counter("grpc_requests_total", "Calls served.", ["room", "method", "code"])
GRPC_DURATION = Histogram(
    "grpc_request_duration_seconds",
    "Time to serve calls.",
    ["room", "method", "code"],
    buckets=LATENCY_BUCKETS_S,
)
UNKNOWN_ERRORS = Counter("unknown_errors_total", "Errors that were masked as INTERNAL.", ["room", "method"])
OPERATIONS = Counter(
    "graphql_operations_total",
    "GraphQL operations by outcome: ok, degraded (parts left out), refused (by the caller's fault), failed (by ours).",
    ["outcome"],
)
OPERATIONS_REFUSED = Counter(
    "graphql_operations_refused_total", "GraphQL operations refused before they ran.", ["reason"]
)
LOG_LINES_LOST = Counter("log_lines_lost_total", "Log lines that could not be written, as on a full disk.")
TOKENS_REFUSED = Counter("auth_tokens_refused_total", "Tokens refused.", ["reason"])
TASKS_FAILED = Counter("tasks_failed_total", "Background tasks that crashed.", ["task"])


def exposition() -> bytes:
    """Return what Prometheus scrapes, in its text format."""
    return generate_latest(REGISTRY)
