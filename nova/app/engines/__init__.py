"""The engines that come with `pip install`: a private PostgreSQL and a Valkey in the data folder.

`embedded.Engines` starts and stops them; `folder` owns the data folder and its lock; `postgres` and `valkey`
know one engine each; `launch` is what is executed between Nova and an engine; `roles` gives each room a role
and a schema of its own; `errors` says what can go wrong, with the exit code of the command line.
"""
