"""Ownership is held by the database: a room's role reaches its own schema and nothing else."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from nova.app.engines.embedded import Engines
from nova.app.engines.passwords import role_passwords
from nova.app.engines.roles import ensure_roles, grant_relay, role_of
from nova.app.engines.scram import accepts, scram_verifier

ROOT = Path(__file__).parents[4]
FIRST_MIGRATION = ROOT / "nova/platform/db/schema/0000_platform.expand.sql"
EVENT = """
insert into outbox (id, topic, key, payload, emitted_at) values (gen_random_uuid(), 't', 'k', 'v', now())
"""


@asynccontextmanager
async def connected(dsn: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def two_rooms(engines: Engines) -> AsyncIterator[None]:
    """Rooms `alpha` and `beta`, alpha with a table."""
    async with connected(engines.postgres_dsn()) as admin:
        await ensure_roles(admin, ("alpha", "beta"))
        async with connected(engines.room_dsn("alpha")) as alpha:
            await alpha.execute("create table mine (word text)")
            await alpha.execute("insert into mine values ('hers')")
        yield
        for room in ("alpha", "beta"):
            await admin.execute(f"drop schema {room} cascade")
            await admin.execute(f"revoke all on database nova from {role_of(room)}")
            await admin.execute(f"drop role {role_of(room)}")


@pytest.mark.parametrize(
    "attempt",
    [
        "select * from alpha.mine",
        "insert into alpha.mine values ('x')",
        "update alpha.mine set word = 'x'",
        "delete from alpha.mine",
        "truncate alpha.mine",
        "drop table alpha.mine",
        "create table alpha.theirs (word text)",
        "create table public.theirs (word text)",
        "create schema theirs",
        "create temporary table theirs (word text)",
        "create role theirs",
        "set role nova_alpha",
        "alter role nova_alpha set search_path = beta",
        "grant nova_alpha to nova_beta",
        "copy (select 1) to program 'true'",
        "select pg_read_file('PG_VERSION')",
    ],
)
async def test_another_rooms_tables_answer_permission_denied(
    engines: Engines, two_rooms: None, attempt: str
) -> None:
    async with connected(engines.room_dsn("beta")) as beta:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await beta.execute(attempt)
    async with connected(engines.room_dsn("alpha")) as alpha:
        assert await alpha.fetchval("select word from mine") == "hers"


async def test_a_room_that_is_a_reserved_word_has_its_schema(engines: Engines) -> None:
    async with connected(engines.room_dsn("user")) as user:
        assert await user.fetchval("select current_schema()") == "user"
        assert await user.fetchval("show search_path") == '"user"'


async def test_roles_can_be_made_again_and_at_once(engines: Engines, two_rooms: None) -> None:
    async def again() -> None:
        async with connected(engines.postgres_dsn()) as admin:
            await ensure_roles(admin, ("alpha", "beta", "alpha"))

    await asyncio.gather(*(again() for _ in range(4)))
    async with connected(engines.room_dsn("alpha")) as alpha:
        assert await alpha.fetchval("select word from mine") == "hers"


@pytest.mark.parametrize("name", ["", "Feed", "feed; drop", 'a"b', "1feed", "f" * 60, "фид"])
def test_what_is_no_room_has_no_role(name: str) -> None:
    with pytest.raises(ValueError, match="not a room"):
        role_of(name)


async def test_the_relay_takes_rows_from_an_outbox_and_nothing_else(
    engines: Engines, two_rooms: None
) -> None:
    up, _, _ = FIRST_MIGRATION.read_text().partition("-- down:")
    async with connected(engines.room_dsn("alpha")) as alpha:
        await alpha.execute(up)
        await alpha.execute(EVENT)
        async with connected(engines.postgres_dsn("nova_relay")) as relay:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await relay.fetch("select * from alpha.outbox")
        await grant_relay(alpha, "alpha")
        await grant_relay(alpha, "alpha")
    async with connected(engines.postgres_dsn("nova_relay")) as relay:
        assert (
            await relay.fetchval("select setval('alpha.outbox_turns', 1 + nextval('alpha.outbox_turns'))")
            == 2
        )
        for attempt in (
            "update alpha.outbox set payload = 'forged'",
            "truncate alpha.outbox",
            "drop table alpha.outbox",
            "update alpha.outbox_dead set payload = 'forged'",
            "select * from alpha.mine",
            "insert into alpha.mine values ('x')",
            "select * from alpha.processed_events",
            "delete from alpha.idempotency_keys",
            "create table alpha.theirs (word text)",
            "select * from beta.outbox",
            "set role nova_alpha",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await relay.execute(attempt)
        row = await relay.fetchrow("select seq, topic from alpha.outbox for update skip locked")
        assert row is not None
        assert row["topic"] == "t"
        assert await relay.execute("delete from alpha.outbox where seq = $1", row["seq"]) == "DELETE 1"


def test_a_verifier_is_that_of_rfc_7677() -> None:
    verifier = scram_verifier("pencil", salt=base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    kind, iterations_and_salt, keys = verifier.split("$")
    assert (kind, iterations_and_salt) == ("SCRAM-SHA-256", "4096:W22ZaJ0SNY7soEsUEjb6gQ==")
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    auth = (
        f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}"
    ).encode()
    stored, server = (base64.b64decode(key) for key in keys.split(":"))
    assert (
        base64.b64encode(hmac.digest(server, auth, "sha256"))
        == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    )
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    signature = hmac.digest(stored, auth, "sha256")
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    assert hashlib.sha256(client_key).digest() == stored


def test_a_verifier_of_any_salt_lets_its_own_password_in() -> None:
    for verifier in (scram_verifier("pencil"), scram_verifier("pencil", iterations=10_000)):
        assert accepts(verifier, "pencil")
        assert not accepts(verifier, "Pencil")
    for other in ("", "md5" + 32 * "0", "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"):
        assert not accepts(other, "pencil")


@pytest.mark.parametrize("password", ["", "naïve", "tab\t", "line\n"])
def test_a_password_that_sasl_would_change_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="ASCII"):
        scram_verifier(password)


def test_passwords_are_kept_private_and_added_to(data: Path) -> None:
    data.mkdir()
    file = data / "secrets.json"
    first = role_passwords(file, ["nova_a", "nova_b"])
    assert file.stat().st_mode & 0o777 == 0o600
    assert len({*first.values()}) == 2
    second = role_passwords(file, ["nova_b", "nova_c"])
    assert {role: second[role] for role in first} == first
    assert json.loads(file.read_text()) == {"roles": second}
