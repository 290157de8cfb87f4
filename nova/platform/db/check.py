"""Command line of the expand–contract checker: `python -m nova.platform.db.check FOLDER…`."""

import sys
from pathlib import Path

from nova.platform.db.expand_contract import check


def main(folders: list[str]) -> int:
    """Print what is wrong with the migrations in `folders`; return 1 if anything is."""
    findings = [finding for folder in folders for finding in check(Path(folder))]
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
