"""The floor of our libraries: bare httpx with one client for each request in flight.

The pool of a client has one connection, so no pool searches through many connections.
"""

from functools import partial

from lap import drive
from raw_httpx import run, run_async

if __name__ == "__main__":
    drive(in_sync=partial(run, shared=False), in_async=partial(run_async, shared=False))
