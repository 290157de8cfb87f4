"""As whom an engine runs. PostgreSQL refuses root, so root hands it to a namespace or to another user."""

import asyncio
import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nova.app.engines.errors import FolderUnusable
from nova.app.engines.launch import NOBODY

LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How `launch` changes the user before an engine starts; `uid` and `gid` matter to `setuid` only."""

    mode: Literal["plain", "namespace", "setuid"] = "plain"
    uid: int = -1
    gid: int = -1

    def launcher_argv(self, death_signal: int, command: list[str]) -> list[str]:
        """The command line that becomes `command`, signalled when this process ends."""
        python = [sys.executable, "-I", "-S", str(LAUNCHER)]
        return [
            *python,
            self.mode,
            str(self.uid),
            str(self.gid),
            str(death_signal),
            str(os.getpid()),
            *command,
        ]

    def own(self, folder: Path) -> None:
        """Hand a folder made by us to the engine's user, where that is another one."""
        if self.mode == "setuid":
            os.chown(folder, self.uid, self.gid)

    def require_passage(self, folder: Path) -> None:
        """Raise FolderUnusable where the engine's user cannot pass to `folder`."""
        if self.mode != "setuid":
            return
        for place in (folder.resolve(), *folder.resolve().parents):
            found = place.stat()
            if found.st_uid != self.uid and not found.st_mode & stat.S_IXOTH:
                raise FolderUnusable(
                    f"PostgreSQL does not run as root, and user {self.uid} cannot enter {place}: run Nova as "
                    "an ordinary user, or use folders that every user can enter (`--data /srv/nova`)."
                )


async def choose_identity(folder: Path) -> Identity:
    """As whom to run the engine whose data are in `folder`, or will be.

    An ordinary user runs it as is. Root runs it as the folder's owner; what is root's own, in a namespace,
    and where those are refused, as nobody. Raises FolderUnusable when the folder is another user's.
    """
    owner = owner_of(folder)
    if os.geteuid() != 0:
        if owner.st_uid != os.geteuid():
            raise FolderUnusable(
                f"{folder} belongs to user {owner.st_uid} and you are user {os.geteuid()}: run as its owner, "
                "or choose another folder with --data."
            )
        return Identity()
    if owner.st_uid != 0:
        return Identity(mode="setuid", uid=owner.st_uid, gid=owner.st_gid)
    if await namespaces_allowed():
        return Identity(mode="namespace")
    return Identity(mode="setuid", uid=NOBODY, gid=NOBODY)


def owner_of(folder: Path) -> os.stat_result:
    """Whose `folder` is, or will be: a missing one will be its parent's owner's."""
    return (folder if folder.exists() else folder.parent).stat()


async def namespaces_allowed() -> bool:
    """Whether this is Linux and the kernel lets this user enter a user namespace."""
    if not sys.platform.startswith("linux"):
        return False
    probe = [sys.executable, "-I", "-S", str(LAUNCHER), "probe"]
    # In a thread: a start that is given up leaves no half-watched process to the event loop.
    tried = await asyncio.to_thread(subprocess.run, probe, capture_output=True, check=False)
    return tried.returncode == 0
