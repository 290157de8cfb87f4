"""Neo4j, the community edition: Bolt only, on the loopback, open to whoever is on this machine."""

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
        port = folder.port(87)
        url = f"bolt://{HOST}:{port}"
        super().__init__(
            pin,
            Server("Neo4j", self._folder, port),
            url=url,
            environment={"NOVA_NEO4J_URL": url},
        )

    def _command(self) -> list[str]:
        start, lib = java(), jars(self._pin, self._folder)
        home = self._folder / "home"
        for name in ("conf", "data", "logs", "plugins", "run", "import"):
            (home / name).mkdir(parents=True, exist_ok=True)
        (home / "conf" / "neo4j.conf").write_text(_SETTINGS.format(host=HOST, port=self._server.port))
        opens = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED]
        command = [*start, *MODEST, "-Xmx512m", *opens, "-cp", f"{lib}/*"]
        folders = [f"--home-dir={home}", f"--config-dir={home / 'conf'}"]
        return [*command, "org.neo4j.server.CommunityEntryPoint", *folders]
