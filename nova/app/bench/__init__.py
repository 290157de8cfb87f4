"""Benchmarks of the whole platform, as `nova bench` runs them: `catalog` lists them.

Kernels and paths beside their peers are timed in `bench/micro/` of the repository, which `beside` runs.
"""
