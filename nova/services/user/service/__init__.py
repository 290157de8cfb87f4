"""The verbs of user: `profiles` reads and changes them, `settings` too, `restrictions` blocks and mutes."""
