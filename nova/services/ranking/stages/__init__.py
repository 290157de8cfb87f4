"""The stages of ranking, one a file, named by its kind. `pipeline.py` says which run, and in which order."""
