"""How a row of the log's table becomes a record."""

from collections.abc import Iterable

from nova.platform.db.pool import Record as Row
from nova.platform.log.catalog import Catalog
from nova.platform.log.port import Delivered
from nova.platform.outbox.write import load_headers

COLUMNS = """records.partition_id, records."offset", records.id, records.key, records.payload, records.source,
       records.headers, records.emitted_at"""


def delivered(row: Row, catalog: Catalog) -> Delivered:
    """Return the record of a row that has `COLUMNS`."""
    partition_id, offset, identifier, key, payload, source, headers, emitted_at = row[:8]
    topic, number = catalog.place(partition_id)
    return Delivered(
        identifier, topic, key, payload, emitted_at, source, load_headers(headers), number, offset
    )


def bell_names(topics: Iterable[str]) -> list[str]:
    """Return the names of the bells that ring when these topics grow."""
    return [f"log:{topic}" for topic in topics]
