"""Apicurio Registry, which answers Confluent's API. It keeps schemas in memory: rooms register theirs at each start."""

import shutil
import tarfile
from collections.abc import Mapping
from typing import Any

from artifacts import PLUGIN, check_file, pins, run
from engine import Engine
from failure import CannotHave
from folder import HOST, Folder
from java import java
from server import Server

NAME = "registry"


class Registry(Engine):
    """The server."""

    def __init__(self, folder: Folder, pin: Mapping[str, Any]) -> None:
        self._pin = pin
        self._folder = folder.part(NAME)
        self._port = folder.port(81)
        url = f"http://{HOST}:{self._port}/apis/ccompat/v7"
        super().__init__(
            Server("Apicurio Registry", self._folder, self._port),
            version=pin["version"],
            url=url,
            environment={"NOVA_SCHEMA_REGISTRY_URL": url},
        )

    def start(self) -> None:
        """Fetch, unpack once, start."""
        program, home = java(), self._folder / "home"
        if not home.exists():
            self._fetch()
        (runner,) = home.glob("*-runner.jar")
        settings = [f"-Dquarkus.http.host={HOST}", f"-Dquarkus.http.port={self._port}"]
        self._server.start([program, "-Xmx300m", *settings, "-jar", str(runner)])

    def _fetch(self) -> None:
        if shutil.which("mvn") is None:
            raise CannotHave("Maven is missing: install it (Debian: `apt install maven`).")
        goal = f"{PLUGIN}:{pins()['maven']['dependency-plugin']}:copy"
        wanted = [f"-Dartifact={self._pin['maven']}", f"-DoutputDirectory={self._folder}"]
        run(["mvn", "-q", "-B", goal, *wanted], cwd=self._folder)
        (archive,) = self._folder.glob("*.tar.gz")
        check_file(archive, self._pin["sha256"])
        draft = self._folder / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        with tarfile.open(archive) as packed:
            packed.extractall(draft, filter="data")
        draft.rename(self._folder / "home")
        archive.unlink()
