"""Log lines: one JSON object each, joined to their call, without secrets."""

import errno
import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from nova.platform.masking import MASK
from nova.platform.rpc.context import CallContext, entered
from nova.platform.telemetry import log
from nova.platform.telemetry.metrics import LOG_LINES_LOST
from tests.logged import Lines, logged
from tests.tokens import Issuer


@pytest.fixture
def lines() -> Iterator[Lines]:
    with logged() as lines:
        yield lines


def test_a_line_says_what_when_where_and_for_whom(lines: Lines) -> None:
    with entered(CallContext(correlation_id="client-0004")):
        structlog.get_logger("nova.relay").info("relay_resumed", waited_s=2.5)
    line = lines.only()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "relay_resumed",
        "waited_s": 2.5,
        "level": "info",
        "logger": "nova.relay",
        "correlation_id": "client-0004",
    }


@pytest.mark.parametrize(
    "key",
    ["password", "new_password", "token", "access_token", "Authorization", "client_secret", "cookie", "Set-Cookie",
     "api_key", "apiKey", "private_key", "stream_key", "dsn", "otp", "refreshToken", "kek", "NOVA_IDENTITY_KEK"],
)  # fmt: skip
def test_c4_secrets_are_masked_by_key_at_any_depth(lines: Lines, key: str) -> None:
    structlog.get_logger("x").warning(
        "asked", **{key: "hunter2"}, request={"headers": [{key: "hunter2"}, {"deep": {key: ["hunter2"]}}]}
    )
    assert "hunter2" not in lines.getvalue()
    assert lines.only()[key] == MASK


def test_c4_secrets_are_masked_inside_texts(lines: Lines) -> None:
    token = Issuer().token()
    structlog.get_logger("x").warning(
        f"sent {token}",
        header=f"Bearer {token}",
        url="postgresql://nova:hunter2@db:5432/nova",
        query="password=hunter2&x=1 client_secret: 'hunter2'",
        error=ConnectionError(f"redis://:hunter2@cache/0 refused {token}"),
        environment="NOVA_IDENTITY_KEK=hunter2 NOVA_HOST=here",
        key="-----BEGIN RSA PRIVATE KEY-----\nhunter2\nhunter2\n-----END RSA PRIVATE KEY-----",
        half=ValueError("-----BEGIN PRIVATE KEY-----\nhunter2"),
    )
    text = lines.getvalue()
    assert "hunter2" not in text
    assert token not in text
    assert token.split(".")[1] not in text
    assert "postgresql://nova:***@db:5432/nova" in text


def test_c4_secrets_are_masked_in_tracebacks(lines: Lines) -> None:
    token = Issuer().token()
    error = ValueError(f"no session for Bearer {token}")
    structlog.get_logger("x").error("broken", exc_info=error)
    line = lines.only()
    assert "no session for Bearer ***" in line["exception"]
    assert token not in lines.getvalue()


def test_libraries_are_heard_from_warning_on_and_masked_too(lines: Lines) -> None:
    library = logging.getLogger("some.library")
    library.info("chatter")
    library.warning("connecting to %s", "redis://:hunter2@cache/0")
    line = lines.only()
    assert (line["logger"], line["level"]) == ("some.library", "warning")
    assert "hunter2" not in line["event"]


def test_lines_below_the_level_are_not_written(lines: Lines) -> None:
    log.set_up(stream=lines, level=logging.ERROR)
    structlog.get_logger("x").warning("quiet")
    structlog.get_logger("x").error("loud")
    assert lines.only()["event"] == "loud"


def test_what_json_has_no_form_for_is_shown(lines: Lines) -> None:
    structlog.get_logger("x").info(
        "odd", thing=object, many={1, 2}, loop=deep(20), number=1 << 70, text="\ud800"
    )
    line = lines.only()
    assert line["thing"] == "<class 'object'>"
    assert sorted(line["many"]) == [1, 2]
    assert (line["number"], line["text"]) == (1 << 70, "\ud800")


def test_console_lines_are_for_people(lines: Lines) -> None:
    log.set_up(stream=lines, console=True)
    structlog.get_logger("nova.relay").info("relay_resumed", password="hunter2")
    assert "relay_resumed" in lines.getvalue()
    assert "hunter2" not in lines.getvalue()


def deep(levels: int) -> object:
    return {"next": deep(levels - 1)} if levels else "end"


class Full(io.StringIO):
    """A file on a disk that is full."""

    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_c1_a_full_disk_takes_log_lines_and_nothing_else(lines: Lines) -> None:
    before = LOG_LINES_LOST._value.get()
    log.set_up(stream=Full())
    structlog.get_logger("here").warning("engine_ended")
    logging.getLogger("library").warning("of a library")
    assert LOG_LINES_LOST._value.get() > before
    log.set_up(stream=lines)
    structlog.get_logger("here").warning("engine_started_again")
    assert lines.only()["event"] == "engine_started_again"
