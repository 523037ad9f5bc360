"""How fast the client is, held against the floor, the published clients and its own limits.

`python -m benchmarks` runs everything; `python -m benchmarks --help` says what there is.
"""
