"""Nova: the back end of a social network.

`app` composes, `gateway` is the door, `services` are the rooms, `policy` is what every room obeys,
`platform` is the floor under all, `native` the Rust core, `api` the generated contract.
"""

import os

# gRPC's handlers of a fork run beside its threads, and one such race ended a process by a segmentation fault. Nova's
# children become other programs at once: there is nothing in them to handle.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
