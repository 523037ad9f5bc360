"""Start and close a Dask cluster on the embedded platform, and print the times as one line of JSON.

The floor is the time in which the same platform runs the same number of sessions that only import
the worker of Dask.
"""

from __future__ import annotations

import json
import logging
import sys
import time

from dask.distributed import Client

from skaha import Session
from skaha.dask import SkahaCluster
from skaha.helpers import shell

IMAGE = "images.canfar.net/skaha/astroml:latest"
SECONDS = 600


def main() -> None:
    """Measure the floor, and then a cluster."""
    task = json.loads(sys.argv[1])
    count: int = task["workers"]
    logging.getLogger("distributed").setLevel(logging.ERROR)
    with Session(server=task["url"], token=task["token"]) as session:
        begin = time.perf_counter()
        command = shell.command("python3", "-c", "import distributed.cli.dask_worker")
        ids = session.create("floor", IMAGE, 1, 1, replicas=count, **command)
        session.wait(ids, poll=0.1, longest_poll=0.2, timeout=SECONDS)
        floor = time.perf_counter() - begin
        session.destroy(ids)

        begin = time.perf_counter()
        cluster = SkahaCluster(
            IMAGE,
            cores=1,
            ram=1,
            n_workers=count,
            session=session,
            memory_limit="256MiB",
            dashboard_address="127.0.0.1:0",
        )
        launched = time.perf_counter() - begin
        with cluster, Client(cluster) as client:
            client.wait_for_workers(count, timeout=SECONDS)
            ready = time.perf_counter() - begin
            begin = time.perf_counter()
            results = client.gather(client.map(abs, range(20 * count)))
            work = time.perf_counter() - begin
            # The time of the last block is that of closing.
            begin = time.perf_counter()
        closed = time.perf_counter() - begin
        left = len(session.fetch())
    print(
        json.dumps(
            {
                "floor": floor,
                "launched": launched,
                "ready": ready,
                "work": work,
                "closed": closed,
                "left": left,
                "right": results == list(range(20 * count)),
            }
        )
    )


if __name__ == "__main__":
    main()
