"""Apache Kafka in KRaft mode: one process, broker and controller."""

from collections.abc import Mapping
from typing import Any

from artifacts import jars, run
from engine import Engine
from folder import HOST, Folder
from java import java
from server import Server

NAME = "kafka"
_PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
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
"""


class Kafka(Engine):
    """The broker."""

    def __init__(self, folder: Folder, pin: Mapping[str, Any]) -> None:
        self._pin = pin
        self._folder = folder.part(NAME)
        self._controller = folder.port(93)
        port = folder.port(92)
        url = f"{HOST}:{port}"
        super().__init__(
            Server("Kafka", self._folder, port),
            version=pin["version"],
            url=url,
            environment={"NOVA_KAFKA_BOOTSTRAP": url},
        )

    def start(self) -> None:
        """Fetch, format the storage once, start."""
        program, lib = java(), jars(self._pin, self._folder)
        settings, data = self._folder / "server.properties", self._folder / "data"
        settings.write_text(
            _PROPERTIES.format(host=HOST, port=self._server.port, controller=self._controller, data=data)
        )
        classes = ["-cp", f"{lib}/*"]
        if not (data / "meta.properties").exists():
            tool = [program, *classes, "kafka.tools.StorageTool"]
            cluster_id = run([*tool, "random-uuid"], cwd=self._folder).split()[-1]
            run([*tool, "format", "--standalone", "-t", cluster_id, "-c", str(settings)], cwd=self._folder)
        log = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        self._server.start([program, "-Xmx512m", *log, *classes, "kafka.Kafka", str(settings)])
