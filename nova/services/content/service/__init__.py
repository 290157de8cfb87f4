"""The verbs of content: `posts` and `stories` change, `reading` answers, `sight` says who sees what."""
