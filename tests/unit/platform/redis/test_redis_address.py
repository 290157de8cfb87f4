"""URLs of Redis."""

import pytest

from nova.platform.redis.address import Address, parse


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("unix:///run/nova/v.sock", Address(path="/run/nova/v.sock")),
        ("unix:///run/v.sock?db=3", Address(path="/run/v.sock", database=3)),
        ("redis://cache", Address(host="cache")),
        ("redis://:p%40ss@cache:7000/2", Address(host="cache", port=7000, password="p@ss", database=2)),
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
