"""The checker tells what would break running code, in a sentence; and lets pass what would not."""

from pathlib import Path

import pytest

from nova.platform.db.expand_contract import check
from nova.platform.db.migrate import PLATFORM
from nova.platform.log.postgres import SCHEMA
from tests.scratch import write_migrations

REFUSED = {
    "DROP TABLE likes": "drop it in a contraction",
    "DROP INDEX CONCURRENTLY likes_at": "drop it in a contraction",
    "ALTER TABLE likes DROP COLUMN note": "drop it in a contraction",
    "ALTER TABLE likes ADD COLUMN a int, DROP COLUMN b": "drop it in a contraction",
    "ALTER TABLE likes RENAME TO hearts": "by its old name",
    "ALTER TABLE likes RENAME COLUMN note TO remark": "by its old name",
    "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'": "by its old name",
    "ALTER TABLE likes ALTER COLUMN note TYPE varchar(9)": "a column of the new type",
    "ALTER TABLE likes ALTER note SET DATA TYPE varchar(9)": "a column of the new type",
    "ALTER TABLE likes ALTER COLUMN note SET NOT NULL": "IS NOT NULL) NOT VALID",
    "ALTER TABLE likes ADD COLUMN note text NOT NULL": "without a DEFAULT",
    "ALTER TABLE likes ADD note text NOT NULL": "without a DEFAULT",
    "ALTER TABLE likes ADD COLUMN at timestamptz DEFAULT clock_timestamp()": "for every row",
    "ALTER TABLE likes ADD COLUMN n bigserial": "for every row",
    "ALTER TABLE likes ADD COLUMN n int GENERATED ALWAYS AS (1) STORED": "for every row",
    "ALTER TABLE likes ADD CONSTRAINT c CHECK (a > 0)": "NOT VALID",
    "ALTER TABLE likes ADD FOREIGN KEY (a) REFERENCES b (a)": "NOT VALID",
    "ALTER TABLE likes ADD CONSTRAINT u UNIQUE (a)": "USING INDEX",
    "ALTER TABLE likes SET SCHEMA other": "away from running code",
    "CREATE INDEX likes_at ON likes (at)": "CREATE INDEX CONCURRENTLY",
    "CREATE UNIQUE INDEX ON likes (at)": "CREATE INDEX CONCURRENTLY",
    "CREATE INDEX CONCURRENTLY likes_at ON likes (at)": "-- no transaction",
    "UPDATE likes SET note = ''": "in batches",
    "DELETE FROM likes": "in batches",
    "TRUNCATE likes": "in batches",
    "LOCK TABLE likes": "stops all traffic",
    "REINDEX TABLE likes": "stops all traffic",
}
ALLOWED = [
    "CREATE TABLE h (id int NOT NULL, CHECK (id > 0)); CREATE INDEX ON h (id); UPDATE h SET id = 1",
    "CREATE TABLE h (id int NOT NULL); ALTER TABLE h ADD COLUMN a text NOT NULL",
    "ALTER TABLE likes ADD COLUMN note text",
    "ALTER TABLE likes ADD COLUMN note text NOT NULL DEFAULT ''",
    "ALTER TABLE likes ADD CONSTRAINT c CHECK (note IS NOT NULL) NOT VALID",
    "ALTER TABLE likes VALIDATE CONSTRAINT c",
    "ALTER TABLE likes ALTER COLUMN note DROP NOT NULL, ALTER COLUMN note SET DEFAULT 'drop; rename'",
    "ALTER TYPE mood ADD VALUE 'glad'",
    "CREATE TABLE IF NOT EXISTS likes_2 PARTITION OF likes FOR VALUES FROM (1) TO (2)",
    "INSERT INTO settings VALUES ('rename', 'drop table x')",
    "-- no transaction\nDROP INDEX CONCURRENTLY IF EXISTS at; CREATE INDEX CONCURRENTLY at ON likes (at)",
]
DOWN = ";\n-- down:\nSELECT 1;\n"


@pytest.mark.parametrize(("sql", "advice"), REFUSED.items())
def test_an_expansion_that_would_break_running_code_is_refused(tmp_path: Path, sql: str, advice: str) -> None:
    findings = check(write_migrations(tmp_path / "m", {"0001_a.expand.sql": sql + DOWN}))
    assert any(advice in finding.sentence for finding in findings), findings
    assert all(str(finding).startswith("0001_a.expand.sql: ") for finding in findings)


@pytest.mark.parametrize("sql", ALLOWED)
def test_an_expansion_that_only_adds_passes(tmp_path: Path, sql: str) -> None:
    assert check(write_migrations(tmp_path / "m", {"0001_a.expand.sql": sql + DOWN})) == []


def test_a_contraction_may_drop_but_not_rename(tmp_path: Path) -> None:
    drop = "ALTER TABLE likes DROP COLUMN note; DROP TABLE hearts"
    assert check(write_migrations(tmp_path / "a", {"0001_a.contract.sql": drop + DOWN})) == []
    rename = "ALTER TABLE likes RENAME TO hearts"
    assert len(check(write_migrations(tmp_path / "b", {"0001_a.contract.sql": rename + DOWN}))) == 1


def test_not_null_is_allowed_once_a_check_of_an_earlier_file_proves_it(tmp_path: Path) -> None:
    files = {
        "0001_a.expand.sql": "ALTER TABLE likes ADD CONSTRAINT c CHECK (note IS NOT NULL) NOT VALID" + DOWN,
        "0002_b.expand.sql": "ALTER TABLE likes VALIDATE CONSTRAINT c" + DOWN,
        "0003_c.contract.sql": "ALTER TABLE likes ALTER COLUMN note SET NOT NULL" + DOWN,
    }
    assert check(write_migrations(tmp_path / "m", files)) == []


def test_a_file_without_a_way_back_is_refused(tmp_path: Path) -> None:
    (finding,) = check(write_migrations(tmp_path / "m", {"0001_a.expand.sql": "CREATE TABLE a (b int);"}))
    assert "way back" in finding.sentence


def test_a_name_that_breaks_the_rule_is_a_finding(tmp_path: Path) -> None:
    (finding,) = check(write_migrations(tmp_path / "m", {"a.sql": ""}))
    assert "NNNN_name" in finding.sentence


@pytest.mark.parametrize("folder", [PLATFORM, SCHEMA])
def test_the_platforms_own_files_pass(folder: Path) -> None:
    assert check(folder) == []
