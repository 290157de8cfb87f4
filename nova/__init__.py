"""Nova: the back end of a social network.

`app` composes, `gateway` is the door, `services` are the rooms, `policy` is what every room obeys,
`platform` is the floor under all, `native` the Rust core, `api` the generated contract.
"""
