"""All SQL of user: `rows` translates, `profiles`, `restrictions` and `muted_words` read, `tx` writes."""
