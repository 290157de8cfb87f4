"""Two layers in front of every read that may be repeated: this process, then Redis.

`caches` opens the caches of a process, `two_layer` is one of them: `local` in front, `shared` behind. `bus` tells every
process what changed, in the words of `message`; `trust` remembers which values in Redis are too old to believe.

How a stale value is kept out
- Every invalidation gets the next number of one sequence in Redis, and leaves a tombstone with that number.
- A load notes the number at its start; Redis takes its value only over something with a number not above it.
- In the process, an invalidation forgets the loads in progress for its key: their results are not kept.
- What Pub/Sub loses shows as a hole in the numbers; a short poll reads the hole from a stream.
- A process that cannot ask Redis for a second keeps nothing longer than half a second, and trusts nothing in Redis.
"""
