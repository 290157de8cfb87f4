"""The names that dashboards and alerts rest on."""

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from nova.platform.telemetry import metrics


def test_the_names_of_the_brief_are_exposed() -> None:
    metrics.HTTP_REQUESTS.labels("POST", "/graphql", "200").inc()
    metrics.HTTP_DURATION.labels("POST", "/graphql").observe(0.02)
    metrics.GRPC_REQUESTS.labels("content", "GetPosts", "OK").inc()
    metrics.GRPC_DURATION.labels("content", "GetPosts", "OK").observe(0.02)
    families = list(text_string_to_metric_families(metrics.exposition().decode()))
    samples = {sample.name for family in families for sample in family.samples}
    assert {
        "http_requests_total",
        "http_request_duration_seconds_bucket",
        "grpc_requests_total",
        "grpc_request_duration_seconds_bucket",
    } <= samples


def test_latency_buckets_hold_the_objectives() -> None:
    """Percentiles are read off buckets, so each p95 objective (10 ms to 5 s) is a bound."""
    assert {0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.5, 2.0, 5.0} <= set(metrics.LATENCY_BUCKETS_S)
    assert list(metrics.LATENCY_BUCKETS_S) == sorted(metrics.LATENCY_BUCKETS_S)


def test_metrics_live_in_the_registry_of_the_process() -> None:
    before = REGISTRY.get_sample_value("tasks_failed_total", {"task": "a-test"}) or 0
    metrics.TASKS_FAILED.labels("a-test").inc()
    assert REGISTRY.get_sample_value("tasks_failed_total", {"task": "a-test"}) == before + 1
