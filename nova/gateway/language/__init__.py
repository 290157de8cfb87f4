"""GraphQL's query language, read and checked in time that is linear in the document (GraphQL specification, draft)."""
