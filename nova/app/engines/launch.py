"""Runs between Nova and an engine: becomes the engine, tied to Nova's life.

Executed by path (`python -I -S launch.py …`), so it imports the standard library only and takes 10 ms. It
- as root, leaves root before the engine starts, since PostgreSQL refuses root: `namespace` enters a user
  namespace in which our uid is called nobody (no file changes its owner); `setuid` becomes another user;
- on Linux asks the kernel to signal the engine when the thread that started it ends (PR_SET_PDEATHSIG,
  after the change of user, which clears it), so that kill -9 of Nova leaves nothing running;
- then execs. A failure here exits with `FAILED`, its reason on stderr.
"""

import ctypes
import os
import sys

FAILED = 97
NOBODY = 65534
PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000


def main(argv: list[str]) -> int:
    """`probe`, or `MODE UID GID SIGNAL PARENT_PID PROGRAM ARG…` with MODE plain, namespace or setuid."""
    try:
        if argv == ["probe"]:
            enter_namespace()
            return 0
        mode, uid, gid, death_signal, parent, *command = argv
        if mode == "namespace":
            enter_namespace()
        elif mode == "setuid":
            become(int(uid), int(gid))
        die_with_parent(int(death_signal), int(parent))
        os.execv(command[0], command)  # noqa: S606 - replacing this process, without a shell, is its purpose
    except OSError as error:
        sys.stderr.write(f"launch: {error}\n")
        return FAILED


def enter_namespace() -> None:
    """Make our uid appear as nobody's, in a user namespace of our own (user_namespaces(7)).

    Files keep belonging to our real uid. Privileges end at exec, as the uid inside is not 0.
    Raises OSError where the kernel or the container refuses namespaces.
    """
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"user namespaces are refused here: {os.strerror(number)}")
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{NOBODY} {uid} 1")
    write("/proc/self/gid_map", f"{NOBODY} {gid} 1")


def become(uid: int, gid: int) -> None:
    """Drop to another user for good; root's supplementary groups go too."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with_parent(death_signal: int, parent: int) -> None:
    """Have the kernel send `death_signal` when the parent's thread ends. Only Linux can; others return."""
    if not sys.platform.startswith("linux"):
        return
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl: {os.strerror(number)}")
    if os.getppid() != parent:
        raise ProcessLookupError(3, "the process that asked for this engine has ended")


def write(path: str, text: str) -> None:
    """Write one of the files of /proc that describe the namespace; each takes one write."""
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib would triple the start-up time
        file.write(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
