"""Connections of a fan-out, and their reuse by the next call."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contestants import AIOHTTP, HTTPX, OURS, PUBLISHED_ASYNC
from benchmarks.environments import last_line
from benchmarks.race import platform, race
from benchmarks.table import Cell, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.race import Outcome, Platform, Settings

LATENCY = 0.05
CONCURRENCY = 64


def run(settings: Settings) -> Iterator[Table]:
    """Count the connections of two consecutive calls, without and with TLS."""
    items = 128 if settings.quick else 512
    with platform(LATENCY) as server:
        yield _count(settings, server, f"two creates of {items}, {CONCURRENCY} in flight", items)
    with tempfile.TemporaryDirectory() as folder:
        title = f"two creates of {items}, {CONCURRENCY} in flight, over TLS"
        certificate = Path(folder) / "server.pem"
        if reason := _make_certificate(certificate):
            yield Table(title, notes=[f"not measured: {reason}"])
            return
        with platform(LATENCY, certificate=certificate) as server:
            yield _count(settings, server, title, items, SSL_CERT_FILE=str(certificate))


def _count(
    settings: Settings, server: Platform, title: str, items: int, **environment: str
) -> Table:
    table = Table(title)
    table.notes.append(
        f"maximum of all rounds; our limits: {CONCURRENCY} connections for both calls, "
        "one TLS context; over TLS each connection is a handshake"
    )
    contestants = [AIOHTTP, *OURS, *HTTPX, *PUBLISHED_ASYNC]
    task = server.task("create", items, CONCURRENCY, calls=2)
    outcomes = race(contestants, [task] * len(contestants), settings.rounds, **environment)
    table.rows += [_row(outcome) for outcome in outcomes.values()]
    return table


def _row(outcome: Outcome) -> dict[str, Cell]:
    contestant = outcome.contestant
    if outcome.reason:
        return {"contestant": contestant.name, "note": outcome.reason}
    laps = [lap["calls"] for lap in outcome.laps]
    first = max(calls[0]["connections"] for calls in laps)
    second = max(calls[1]["connections"] for calls in laps)
    more = max(calls[1]["connections"] - calls[0]["connections"] for calls in laps)
    contexts = max(lap.get("contexts", 0) for lap in outcome.laps) or None
    # The second call may open connections that the first call did not need.
    is_good = second <= CONCURRENCY and contexts == 1
    return {
        "contestant": contestant.name,
        "after the first call": first,
        "after the second": second,
        "opened by the second": more,
        "TLS contexts": contexts,
        "second wall s": statistics.median(calls[1]["wall"] for calls in laps),
        "note": ("within limits" if is_good else "OVER") if contestant.ours else "",
    }


def _make_certificate(path: Path) -> str:
    """Write a self-signed certificate with its key; return the reason if that is impossible."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(path), "-out", str(path.with_suffix(".crt"))]
    try:
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "openssl is not installed, so there is no certificate"
    if finished.returncode:
        return last_line(finished.stderr)
    with path.open("a", encoding="ascii") as file:
        file.write(path.with_suffix(".crt").read_text(encoding="ascii"))
    return ""
