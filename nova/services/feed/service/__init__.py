"""The verbs of feed: `home` and `explore` give pages, `ranked` freezes, `marking` notes, `keeping` keeps warm."""
