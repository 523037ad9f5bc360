"""Dask clusters whose workers are sessions of a platform.

The scheduler runs in your process, and each worker is a headless session. The cluster is a
`SpecCluster` of Dask, so everything that uses a Dask cluster can use it.
"""

try:
    from skaha.dask._cluster import SkahaCluster
except ModuleNotFoundError as error:
    raise ImportError(
        f"a Dask cluster needs {error.name}: pip install 'skaha[dask]>=2'", name=error.name
    ) from None

__all__ = ["SkahaCluster"]
