"""Apicurio Registry, which answers Confluent's API. It keeps schemas and their ids in a file."""

import tarfile
import tempfile
from pathlib import Path

from tools.engines.artifacts import (
    PLUGIN,
    Pin,
    check_file,
    is_of,
    note,
    pins,
    put,
    require_maven,
    run,
)
from tools.engines.engine import Pinned
from tools.engines.folder import HOST, Folder
from tools.engines.java import java
from tools.engines.server import Server

NAME = "registry"


class Registry(Pinned):
    """The server."""

    def __init__(self, folder: Folder, pin: Pin) -> None:
        self._folder = folder.part(NAME)
        port = folder.port(81)
        url = f"http://{HOST}:{port}/apis/ccompat/v7"
        super().__init__(
            pin,
            Server("Apicurio Registry", self._folder, port),
            url=url,
            environment={"NOVA_SCHEMA_REGISTRY_URL": url},
        )

    def _command(self) -> list[str]:
        _, artifact, version, *_ = self._pin["maven"].split(":")
        runner = self._folder / "home" / f"{artifact}-{version}-runner.jar"
        settings = [
            f"-Dquarkus.http.host={HOST}",
            f"-Dquarkus.http.port={self._server.port}",
            f"-Dquarkus.datasource.jdbc.url={self._database}",
        ]
        return [*java(), "-Xmx300m", *settings, "-jar", str(runner)]

    def _prepare(self) -> None:
        if not is_of(self._pin, self._folder):
            with tempfile.TemporaryDirectory(dir=self._folder) as place:
                put(self._fetch(Path(place)), self._folder / "home")
            note(self._pin, self._folder)

    @property
    def _database(self) -> str:
        """Return where H2 keeps all. By default what was committed in the last half second goes with a kill."""
        return f"jdbc:h2:file:{self._folder / 'data' / 'schemas'};WRITE_DELAY=0"

    def _fetch(self, place: Path) -> Path:
        """Return the folder in `place` into which it was unpacked."""
        require_maven()
        goal = f"{PLUGIN}:{pins()['maven']['dependency-plugin']}:copy"
        wanted = [f"-Dartifact={self._pin['maven']}", f"-DoutputDirectory={place}"]
        run(["mvn", "-q", "-B", goal, *wanted], cwd=place)
        (archive,) = place.glob("*.tar.gz")
        check_file(archive, self._pin["sha256"])
        with tarfile.open(archive) as packed:
            packed.extractall(place / "home", filter="data")
        return place / "home"
