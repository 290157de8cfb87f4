"""All SQL of graph: `edges` is the SQL of both ledgers, `ledger` reads them, `tx` writes. All Cypher is in `neo4j`."""
