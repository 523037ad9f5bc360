"""Benchmarks: the client compared with bare HTTP clients, published clients and its own limits.

`python -m benchmarks` runs all benchmarks; `python -m benchmarks --help` lists them.
"""
