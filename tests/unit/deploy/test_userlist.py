"""The list of users that PgBouncer is given."""

import subprocess
from pathlib import Path

from tests.unit.deploy.chart import ROOT

SCRIPT = ROOT / "deploy" / "pgbouncer" / "userlist.sh"


def run(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["sh", str(SCRIPT), str(folder)], capture_output=True, text=True, check=False)


def test_each_role_has_the_password_in_force(tmp_path: Path) -> None:
    (tmp_path / "nova_feed").write_text('a"b\\c$d %s\nold\n')
    (tmp_path / "nova_user").write_text("no newline")
    (tmp_path / "nova_social").write_text("carriage\r\nold\r\n")
    # As Kubernetes mounts a secret.
    (tmp_path / "..data").mkdir()
    told = run(tmp_path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines() == [
        '"nova_feed" "a""b\\c$d %s"',
        '"nova_social" "carriage"',
        '"nova_user" "no newline"',
    ]


def test_without_passwords_no_pooler_starts(tmp_path: Path) -> None:
    assert run(tmp_path).returncode != 0
