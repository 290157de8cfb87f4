"""What feed keeps: `postings` and `readers` in memory, `dismissals` in PostgreSQL, the rest in Redis."""
