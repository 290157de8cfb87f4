"""All SQL of user: `rows` translates, `profiles` and `restrictions` read, `tx` writes."""
