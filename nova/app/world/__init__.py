"""The living world: people, what they write, whom they follow, and how they go on living.

Pure: no database, no network, no clock. `generate` makes a world from (size, seed, now); `Life` goes on with it;
`draw` paints any of its pictures from the picture's key. The platform stores and serves what they return.
"""
