"""Benchmarks: kernels against peers (micro), the platform under load (load)."""
