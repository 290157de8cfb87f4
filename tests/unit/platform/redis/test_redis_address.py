"""URLs of Redis."""

from pathlib import Path

import pytest

from nova.app.authority import Authority, files_of
from nova.platform.redis.address import Address, parse


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("unix:///run/nova/v.sock", Address(path="/run/nova/v.sock")),
        ("unix:///run/v.sock?db=3", Address(path="/run/v.sock", database=3)),
        ("redis://cache", Address(host="cache")),
        ("redis://:p%40ss@cache:7000/2", Address(host="cache", port=7000, password="p@ss", database=2)),
        ("rediss://cache?ssl_ca_certs=/ca.crt", Address(host="cache", tls=True, authorities="/ca.crt")),
        ("rediss://ada:pw@cache", Address(host="cache", tls=True, username="ada", password="pw")),
    ],
)
def test_a_url_is_read_whole(url: str, address: Address) -> None:
    assert parse(url) == address


@pytest.mark.parametrize("url", ["http://cache", "cache:6379", "redis://cache/x"])
def test_what_is_no_redis_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"Redis|invalid literal"):
        parse(url)


def test_c4_a_password_is_not_part_of_the_repr() -> None:
    assert "secret" not in repr(parse("redis://:secret@cache"))


def test_the_greeting_asks_for_resp3_with_credentials_and_database() -> None:
    assert parse("redis://ada:pw@cache/2").greeting() == [
        ("HELLO", 3, "AUTH", "ada", "pw"),
        ("SELECT", 2),
    ]
    assert parse("redis://cache").greeting() == [("HELLO", 3)]


def test_only_rediss_is_encrypted() -> None:
    assert parse("redis://cache").tls_context() is None
    context = parse("rediss://cache").tls_context()
    assert context is not None
    assert context.check_hostname


def test_authorities_that_are_named_are_trusted_and_no_others(tmp_path: Path) -> None:
    authority = files_of(tmp_path, "redis")
    Authority.of(tmp_path).introduce("redis")
    context = parse(f"rediss://cache?ssl_ca_certs={authority.authority}").tls_context()
    assert context is not None
    assert len(context.get_ca_certs()) == 1
    assert context.check_hostname
    with pytest.raises(OSError, match="No such file"):
        parse("rediss://cache?ssl_ca_certs=/nowhere").tls_context()
