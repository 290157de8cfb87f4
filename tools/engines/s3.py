"""SeaweedFS, which speaks S3: one process with all of its parts, of the wheel that requirements/dev.txt pins."""

import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from tools.engines.artifacts import Pin, run
from tools.engines.engine import Engine
from tools.engines.failure import CannotHave
from tools.engines.folder import HOST, Folder
from tools.engines.server import Server

NAME: Final = "s3"
BUCKET: Final = "nova"
_FIRST_PORT: Final = 60
_PORTS: Final = (
    "s3.port",
    "s3.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "master.port",
    "master.port.grpc",
)
"""Of its parts, by the flags that say them: one after the other, S3's own first."""
_FLAGS: Final = {
    "dir": ".",
    "ip": HOST,
    "ip.bind": HOST,
    "filer": "true",
    "filer.localSocket": "filer.sock",
    "s3": "true",
    "s3.localSocket": "s3.sock",
    "s3.config": "identities.json",
    # Whoever has another's keys could make himself new ones.
    "s3.iam": "false",
    "s3.port.iceberg": "0",
    "s3.port.lance": "0",
    "volume.max": "0",
    "volume.preStopSeconds": "0",
    "master.volumeSizeLimitMB": "64",
    # It is the only master, and nobody else can become one.
    "master.electionTimeout": "1s",
    "master.telemetry": "false",
}
_ASK_S: Final = timedelta(seconds=5)
_ADMINISTRATOR: Final = "administrator"


class S3(Engine):
    """The server, with one bucket, and the keys of one who may read, write and list there and nothing else."""

    def __init__(self, folder: Folder, pin: Pin) -> None:  # noqa: ARG002 - the wheel's version is the lock's
        self._folder = folder.part(NAME)
        self._ports = {flag: folder.port(_FIRST_PORT + place) for place, flag in enumerate(_PORTS)}
        self._keys = {name: folder.secret(f"{NAME}-{name}") for name in (BUCKET, _ADMINISTRATOR)}
        port = self._ports["s3.port"]
        url = f"http://{HOST}:{port}/{BUCKET}"
        super().__init__(
            Server("SeaweedFS", self._folder, port),
            url=url,
            environment={
                "NOVA_S3_URL": url,
                "NOVA_S3_ACCESS_KEY": BUCKET,
                "NOVA_S3_SECRET_KEY": self._keys[BUCKET],
            },
        )

    def _edition(self) -> str:
        return run([str(_weed()), "version"], cwd=self._folder).split()[2]

    def _command(self) -> list[str]:
        flags = [f"-{name}={value}" for name, value in {**_FLAGS, **self._ports}.items()]
        return [str(_weed()), "server", *flags]

    def _files(self) -> Mapping[Path, str]:
        """Return whose keys it takes."""
        identities = json.dumps({"identities": [self._identity(name) for name in self._keys]})
        return {self._folder / _FLAGS["s3.config"]: identities}

    def _identity(self, name: str) -> dict[str, object]:
        own = (
            ["Admin"]
            if name == _ADMINISTRATOR
            else [f"{verb}:{BUCKET}" for verb in ("Read", "Write", "List")]
        )
        return {
            "name": name,
            "credentials": [{"accessKey": name, "secretKey": self._keys[name]}],
            "actions": own,
        }

    def _is_ready(self) -> bool:
        """Return whether the bucket can be written: its port answers before the volumes do.

        Where there is none yet, the first object that an administrator puts there makes it.
        """
        store = S3Store(
            BUCKET,
            endpoint=f"http://{HOST}:{self._server.port}",
            region="us-east-1",
            access_key_id=_ADMINISTRATOR,
            secret_access_key=self._keys[_ADMINISTRATOR],
            client_options={"allow_http": True, "timeout": _ASK_S},
            retry_config={"max_retries": 0},
        )
        try:
            obstore.put(store, "ready.bin", b"")
            obstore.delete(store, "ready.bin")
        except BaseError:
            return False
        return True


def _weed() -> Path:
    """Return the program, which pip puts beside Python's. Raises CannotHave without it."""
    program = Path(sys.executable).with_name("weed")
    if not program.exists():
        raise CannotHave("SeaweedFS is missing: install requirements/dev.txt.")
    return program
