"""The verbs of social: `reactions` and `comments` change, `reading` answers, `sight` says who sees what."""
