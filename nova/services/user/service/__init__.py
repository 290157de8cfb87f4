"""The verbs of user: `profiles` reads and changes them, `settings` too, `restrictions` and `muted_words` keep away."""
