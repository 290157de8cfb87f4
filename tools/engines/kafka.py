"""Apache Kafka in KRaft mode: one process, broker and controller.

It listens twice: in the open, as all of `make engines` does, and on the port two above with TLS for users who sign in.
Clients in the open go on at the port that it tells them: with NOVA_ENGINES_LINKED three above, where whoever sets this
has something stand between.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from nova.app.authority import Authority, files_of
from tools.engines.artifacts import Pin, jars, run
from tools.engines.engine import Pinned
from tools.engines.folder import HOST, Folder
from tools.engines.java import MODEST, java
from tools.engines.server import Server

NAME = "kafka"
_PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller},SECURE://{host}:{secure}
advertised.listeners=PLAINTEXT://{host}:{advertised},SECURE://{host}:{secure}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={keystore}
listener.name.secure.ssl.truststore.type=PEM
listener.name.secure.ssl.truststore.location={authority}
listener.name.secure.ssl.client.auth=required
listener.name.secure.sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config={jaas}
log.dirs={data}
auto.create.topics.enable=false
# One broker keeps one copy of what Kafka keeps for itself.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# Tests start groups all the time: no waiting for members that might still come.
group.initial.rebalance.delay.ms=0
# And kill them: a group need not wait six seconds for one that is gone.
group.min.session.timeout.ms=1000
"""


_JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_nova="{password}";'
_LIFE = timedelta(days=300)


class Kafka(Pinned):
    """The broker."""

    def __init__(self, folder: Folder, pin: Pin) -> None:
        self._folder = folder.part(NAME)
        self._data = self._folder / "data"
        self._settings = self._folder / "server.properties"
        self._certificates = self._folder / "certificates"
        self._keystore = self._certificates / "broker.pem"
        self._controller = folder.port(93)
        self._secure = folder.port(94)
        self._password = folder.secret(NAME)
        port = folder.port(92)
        self._advertised = folder.port(95) if "NOVA_ENGINES_LINKED" in os.environ else port
        url = f"{HOST}:{port}"
        super().__init__(
            pin,
            Server("Kafka", self._folder, port),
            url=url,
            environment={"NOVA_KAFKA_BOOTSTRAP": url},
        )

    def _command(self) -> list[str]:
        log = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        return [*self._java(), "-Xmx512m", *log, "kafka.Kafka", str(self._settings)]

    def _java(self) -> list[str]:
        return [*java(), *MODEST, "-cp", f"{self._folder / 'lib'}/*"]

    def _files(self) -> Mapping[Path, str]:
        text = _PROPERTIES.format(
            host=HOST, port=self._server.port, advertised=self._advertised,
            controller=self._controller, secure=self._secure, data=self._data, keystore=self._keystore,
            authority=files_of(self._certificates, NAME).authority, jaas=_JAAS.format(password=self._password),
        )  # fmt: skip
        return {self._settings: text}

    def _prepare(self) -> None:
        """Fetch it, give it a certificate of its own and `nova` one, and format the storage once."""
        jars(self._pin, self._folder)
        authority = Authority.of(self._certificates)
        authority.issue("nova", life=_LIFE)
        own = authority.issue(NAME, life=_LIFE, addresses=[HOST])
        self._keystore.touch(mode=0o600)
        self._keystore.write_text(own.key.read_text() + own.certificate.read_text())
        if not (self._data / "meta.properties").exists():
            tool = [*self._java(), "kafka.tools.StorageTool"]
            cluster_id = run([*tool, "random-uuid"], cwd=self._folder).split()[-1]
            formatted = ["format", "--standalone", "-t", cluster_id, "-c", str(self._settings)]
            run([*tool, *formatted], cwd=self._folder)
