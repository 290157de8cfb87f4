"""All SQL of content: `rows` translates, `posts` and `stories` read, `tx` writes."""
