"""The storm's own reckoning. The storm itself takes PgBouncer: tests/contract/test_pgbouncer_storm.py."""

from collections import Counter
from pathlib import Path

import pytest

from nova.app.bench import storm
from nova.app.bench.catalog import BENCHMARKS
from nova.app.bench.storm import Tally, figures_of
from nova.app.bench.storm_ground import NoPooler
from nova.app.bench.storm_shape import POOL, Shape, parties
from nova.app.bench.storm_watch import Limits, Peak, Waits
from nova.app.rooms import ROOMS
from nova.platform.config import Config
from nova.platform.db.database import DatabaseConfig
from nova.platform.db.failures import PoolExhausted
from nova.platform.engine_knobs import Engines, PostgresUrl
from nova.platform.errors import Internal

SHAPE = Shape(rooms=len(ROOMS), copies=5, gateways=5, relays=2)
LIMITS = Limits(pooled=120, most=200, primary=197, replica=197)
NO_WAITS = Waits(seconds=0, transactions=0)


def test_a_thousand_clients_with_five_copies_of_each_room() -> None:
    everybody = parties(ROOMS, copies=5, clients=1000)
    assert sum(party.size for party in everybody) == 1000
    copies = Counter(party.room for party in everybody if party.copy)
    assert copies == dict.fromkeys(ROOMS, 5)
    assert {(party.size, party.callers) for party in everybody if party.copy} == {(8, 12)}
    rest = Counter(party.room for party in everybody if not party.copy)
    assert (rest.total(), max(rest.values()) - min(rest.values())) == (1000 - 5 * 8 * len(ROOMS), 0)


def test_copies_that_are_too_many() -> None:
    with pytest.raises(ValueError, match="more than 10"):
        parties(ROOMS, copies=1, clients=10)


def test_what_is_told() -> None:
    tally = Tally(to_connection_s=[0.001] * 90 + [0.5] * 10, to_transaction_s=[0.1] * 100)
    tally.transactions, tally.statements, tally.refused = 200, 500, [PoolExhausted()]
    peak = Peak(
        fewest_bells=46,
        connections=198,
        working=150,
        at_replica=160,
        clients=1000,
        waiting=700,
        wait_s=0.25,
    )
    waits = Waits(seconds=30.0, transactions=400).since(Waits(seconds=10.0, transactions=200))
    found = {
        figure.name: figure
        for figure in figures_of(tally, peak, waits, shape=SHAPE, limits=LIMITS, lasted_s=4.0)
    }
    assert found["pool wait, to a connection, p95"].value == 500
    assert found["pool wait, to a transaction, p99"].value == 100
    assert round(found["PgBouncer, wait for a server, mean"].value) == 100
    assert found["transactions"].value == 50
    missed = {name for name, figure in found.items() if not figure.met}
    assert missed == {
        "refused or failed",
        "bells that listen, fewest at a look",
        "connections of PostgreSQL, peak",
    }
    assert found["connections of PostgreSQL, whole shape"].value == 120 + 40 + 5 + 2 + 2 * 8
    assert found["connections of the replica, whole shape"].value == 40 * 4


def test_a_shape_that_does_not_fit_is_missed() -> None:
    tally = Tally(to_connection_s=[0.001], to_transaction_s=[0.1])
    limits = Limits(pooled=150, most=200, primary=197, replica=None)
    figures = figures_of(
        tally, Peak(clients=1000, fewest_bells=47), NO_WAITS, shape=SHAPE, limits=limits, lasted_s=1.0
    )
    assert {figure.name for figure in figures if not figure.met} == {"connections of PostgreSQL, whole shape"}
    assert not any("replica" in figure.name for figure in figures)


def test_the_limits_of_production_hold_five_copies() -> None:
    lines = Path("deploy/pgbouncer/pgbouncer.ini").read_text().splitlines()
    pooler = dict(line.split(" = ") for line in lines if " = " in line and not line.startswith(";"))
    assert SHAPE.at_most(int(pooler["max_db_connections"])) <= 200 - 3
    assert int(pooler["max_user_connections"]) * (len(ROOMS) + 1) <= int(pooler["max_db_connections"])
    assert SHAPE.at_replica(DatabaseConfig(room="content", dsn="").replica_pool_size) <= 200 - 3


def test_a_storm_that_serves_nobody_has_no_figures() -> None:
    with pytest.raises(Internal, match="PoolExhausted"):
        figures_of(
            Tally(refused=[PoolExhausted()]), Peak(), NO_WAITS, shape=SHAPE, limits=LIMITS, lasted_s=1.0
        )
    assert Waits(seconds=0.0, transactions=0).mean_s == 0


async def test_a_refusal_is_counted_and_a_fault_of_ours_is_not() -> None:
    async def refuse() -> None:
        raise PoolExhausted

    async def break_off() -> None:
        raise ZeroDivisionError

    tally = Tally()
    await tally.note(refuse())
    with pytest.raises(ZeroDivisionError):
        await tally.note(break_off())
    assert [type(error) for error in tally.refused] == [PoolExhausted]


@pytest.mark.parametrize(
    ("engines", "missing"),
    [
        (Engines(), "NOVA_POSTGRES_URL"),
        (Engines(postgres_url=PostgresUrl("postgresql://here")), "NOVA_POSTGRES_POOLER_URL"),
    ],
)
async def test_without_a_pooler_it_says_where_to_get_one(engines: Engines, missing: str) -> None:
    with pytest.raises(NoPooler, match=f"make engines.*{missing} is not set"):
        await storm.storm(Config(engines=engines))


def test_the_storm_is_that_of_the_objective() -> None:
    assert BENCHMARKS["storm"].measure is storm.storm
    assert (storm.CLIENTS, storm.COPIES, POOL) == (1000, 5, 8)
