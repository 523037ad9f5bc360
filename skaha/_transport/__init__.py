"""Input and output: everything between the generated client and the network.

Each request in flight has its own connection, because one shared pool of httpx searches all its
connections for each request: 512 requests with 64 in flight take 5.5 s with it, and 0.6 s without.
`_async/pool.py` keeps the free connections; httpx and httpcore do everything else.
"""
