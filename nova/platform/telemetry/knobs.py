"""The knobs of what a process tells of itself: logs, traces and metrics."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from nova.platform.engine_knobs import HttpUrl
from nova.platform.knobs import Knob


class LogLevel(StrEnum):
    """From which severity on log lines are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log line looks."""

    JSON = "json"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryKnobs:
    """Logs, traces and metrics."""

    log_level: Annotated[LogLevel, Knob("NOVA_LOG_LEVEL", "The lowest severity that is logged.")] = (
        LogLevel.INFO
    )
    log_format: Annotated[LogFormat, Knob("NOVA_LOG_FORMAT", "json for machines, console for people.")] = (
        LogFormat.JSON
    )
    otlp_endpoint: Annotated[
        HttpUrl | None,
        Knob(
            "NOVA_OTLP_ENDPOINT",
            "Where traces are sent too (OTLP over gRPC); the data folder always has them.",
        ),
    ] = None
    trace_sample: Annotated[
        float,
        Knob(
            "NOVA_TRACE_SAMPLE",
            "The share of requests traced by chance, beside those whose `traceparent` asks for it.",
            least=0,
            most=1,
        ),
    ] = 0.0
    traces_asked_per_s: Annotated[
        float,
        Knob(
            "NOVA_TRACES_ASKED_PER_S",
            "How many a second, of the requests that ask for a trace, a gateway grants one, for anybody may ask; in "
            "development all.",
            least=0.01,
            most=1000,
        ),
    ] = 1.0
    metrics_port: Annotated[
        int | None,
        Knob(
            "NOVA_METRICS_PORT",
            "The port of NOVA_GRPC_HOST on which a process shows its metrics, and whether it lives and is ready; "
            "unset: none. `nova up --processes` counts up from it, in the order of its parts.",
            least=1,
            most=65535,
        ),
    ] = None
