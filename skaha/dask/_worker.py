"""Program of a worker: the worker program of Dask, with the credentials of its cluster.

The cluster sends the text of this file to the container, so the program uses Python and Dask only.

The credentials come in a variable of the environment. The program removes the variable, because
the programs that a task starts would inherit it. It does not put the credentials into the
configuration of Dask, because a dump of the state of a cluster contains the configuration.
"""

import base64
import json
import os
import zlib
from typing import Any

from distributed import Security, Worker
from distributed.cli.dask_worker import main

VARIABLE = "SKAHA_DASK_CREDENTIALS"


def security_of(text: str) -> Security:
    """Return the security of a worker from the value of the variable."""
    padded = text + "=" * (-len(text) % 4)
    return Security(**json.loads(zlib.decompress(base64.urlsafe_b64decode(padded))))


class ClusterWorker(Worker):
    """A worker with the credentials of its cluster."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Use the credentials of the cluster; the command line has none."""
        options["security"] = _security
        super().__init__(*arguments, **options)


if __name__ == "__main__":
    _text = os.environ.pop(VARIABLE, None)
    _security = None if _text is None else security_of(_text)
    main()
