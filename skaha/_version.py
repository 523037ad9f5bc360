"""The one place of the version. Also the build of the package executes this file."""

import sys

# An old pip would try other versions of the requirements for minutes before it refuses.
if sys.version_info < (3, 11):  # noqa: UP036 - pip builds the package with any Python
    sys.exit("skaha needs Python 3.11 or newer.")

__version__ = "2.0.0"
