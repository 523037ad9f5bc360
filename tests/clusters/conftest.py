"""Clusters at an embedded platform with room for many small workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from dask_workers import IMAGE, SMALL, CountingSession

from skaha.dask import SkahaCluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from skaha import Session
    from skaha.local.pytest_plugin import SkahaPlatform


@pytest.fixture
def client(skaha_platform: SkahaPlatform) -> Iterator[CountingSession]:
    with CountingSession(server=skaha_platform.url, token=skaha_platform.token) as session:
        yield session


@pytest.fixture
def start_cluster(client: CountingSession) -> Iterator[Callable[..., SkahaCluster]]:
    """Start a cluster that is closed at the end of the test."""
    clusters: list[SkahaCluster] = []
    sessions: list[Session] = []

    def start(**options: Any) -> SkahaCluster:
        options = {"image": IMAGE, "session": client} | SMALL | options
        sessions.append(options["session"])
        clusters.append(SkahaCluster(**options))
        return clusters[-1]

    yield start
    for cluster in clusters:
        cluster.close()
    for session in sessions:
        session.close()
