"""A broker that lets nobody in without a certificate and a user: `make engines` has one on a port of its own."""

import asyncio
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import pytest

from nova.app.authority import Authority
from nova.platform.errors import Unavailable
from nova.platform.ids import uuid7
from nova.platform.knobs import read
from nova.platform.log.kafka import KafkaLog
from nova.platform.log.kafka_cluster import Cluster
from nova.platform.log.kafka_security import KafkaSecurity
from nova.platform.log.port import Fence
from tests.contract.test_event_log import THINGS, record
from tests.real import ENGINES, FILE, corner, on_real_engines
from tests.waiting import until

pytestmark = [on_real_engines, pytest.mark.timeout(120)]
FOLDER = FILE.parent.resolve()


def knobs(**changed: str) -> dict[str, str]:
    own = FOLDER / "kafka" / "certificates" / "nova"
    return {
        "NOVA_KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
        "NOVA_KAFKA_TLS_CA": str(own / "ca.crt"),
        "NOVA_KAFKA_TLS_CERTIFICATE": str(own / "tls.crt"),
        "NOVA_KAFKA_TLS_KEY": str(own / "tls.key"),
        "NOVA_KAFKA_SASL_MECHANISM": "PLAIN",
        "NOVA_KAFKA_SASL_USER": "nova",
        "NOVA_KAFKA_SASL_PASSWORD": (FOLDER / "secrets" / "kafka").read_text(),
        **changed,
    }


def guarded(prefix: str, **changed: str) -> Cluster:
    host, _, port = ENGINES["NOVA_KAFKA_BOOTSTRAP"].rpartition(":")
    security = read(KafkaSecurity, knobs(**changed))
    return Cluster(bootstrap=f"{host}:{int(port) + 2}", prefix=prefix, security=security)


async def test_admin_producers_and_members_sign_in_over_tls() -> None:
    async with corner() as cluster, KafkaLog(guarded(cluster.prefix)) as log:
        await log.declare([THINGS])
        free, fenced = record(b"k", b"1"), record(b"k", b"2")
        await log.append([free])

        async def appended() -> bool:
            """Append as a relay does: a broker that has just begun makes its own topics at the first question."""
            try:
                await log.append([fenced], fence=Fence(producer="outbox:a", turn=1))
            except Unavailable:
                return False
            return True

        await until(appended, within_s=60)
        heard: list[bytes] = []
        async with aclosing(log.subscribe("g", [THINGS])) as member:
            while len(heard) < 2:
                async with member.batch(10) as records:
                    heard += [one.payload for one in records]
        assert heard == [free.payload, fenced.payload]


@pytest.mark.parametrize("why", ["password", "user", "plain text", "an authority of somebody else"])
async def test_c4_who_cannot_prove_himself_is_let_down_and_no_password_is_told(
    why: str, tmp_path: Path
) -> None:
    changed = {}
    if why == "password":
        changed["NOVA_KAFKA_SASL_PASSWORD"] = "wrong"
    elif why == "user":
        changed["NOVA_KAFKA_SASL_USER"] = "mallory"
    elif why == "plain text":
        changed["NOVA_KAFKA_SECURITY_PROTOCOL"] = "plaintext"
    else:
        other = Authority.of(tmp_path).issue("nova", life=timedelta(hours=1))
        changed["NOVA_KAFKA_TLS_CA"] = str(other.authority)
    async with asyncio.timeout(60), KafkaLog(guarded(f"test-{uuid7().hex[-12:]}.", **changed)) as log:
        with pytest.raises(Unavailable) as refused:
            await log.declare([THINGS])
    assert (FOLDER / "secrets" / "kafka").read_text() not in str(refused.value)
