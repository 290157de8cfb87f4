"""Neo4j, the community edition: Bolt only, on the loopback, open to whoever is on this machine."""

from collections.abc import Mapping
from pathlib import Path

from tools.engines.artifacts import Pin, jars
from tools.engines.engine import Pinned
from tools.engines.folder import HOST, Folder
from tools.engines.java import MODEST, java
from tools.engines.server import Server

NAME = "neo4j"
_SETTINGS = """server.default_listen_address={host}
server.bolt.listen_address={host}:{port}
server.http.enabled=false
server.https.enabled=false
server.memory.heap.initial_size=128m
server.memory.heap.max_size=512m
server.memory.pagecache.size=64m
dbms.security.auth_enabled=false
dbms.usage_report.enabled=false
"""
_OPENED = ("java.nio", "java.io", "java.lang", "java.util.concurrent", "sun.nio.ch")
"""Packages of Java's own that Neo4j reaches into."""


class Neo4j(Pinned):
    """The server."""

    def __init__(self, folder: Folder, pin: Pin) -> None:
        self._folder = folder.part(NAME)
        self._home = self._folder / "home"
        port = folder.port(87)
        url = f"bolt://{HOST}:{port}"
        super().__init__(
            pin,
            Server("Neo4j", self._folder, port),
            url=url,
            environment={"NOVA_NEO4J_URL": url},
        )

    def _command(self) -> list[str]:
        opens = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED]
        command = [*java(), *MODEST, "-Xmx512m", *opens, "-cp", f"{self._folder / 'lib'}/*"]
        folders = [f"--home-dir={self._home}", f"--config-dir={self._home / 'conf'}"]
        return [*command, "org.neo4j.server.CommunityEntryPoint", *folders]

    def _files(self) -> Mapping[Path, str]:
        settings = _SETTINGS.format(host=HOST, port=self._server.port)
        return {self._home / "conf" / "neo4j.conf": settings}

    def _prepare(self) -> None:
        jars(self._pin, self._folder)
        for name in ("data", "logs", "plugins", "run", "import"):
            (self._home / name).mkdir(parents=True, exist_ok=True)
