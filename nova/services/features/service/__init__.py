"""The verbs of features: `learning` takes events in, `serving` gives rows out, `snapshots` keeps them."""
