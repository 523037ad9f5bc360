"""The database of the platform: all sessions and their events in one SQLite file.

All calls come from the thread of the event loop. A call takes about ten microseconds, because
SQLite flushes its journal to the disk at checkpoints only. A killed daemon loses nothing. A power
failure of the machine loses at most the last moments of the sessions, whose processes end with the
machine.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import asdict

from skaha.local._session import Event, Phase, Session

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    appid TEXT NOT NULL,
    name TEXT NOT NULL,
    image TEXT NOT NULL,
    kind TEXT NOT NULL,
    phase TEXT NOT NULL,
    cores REAL NOT NULL,
    ram REAL NOT NULL,
    gpus INTEGER NOT NULL,
    fixed INTEGER NOT NULL,
    cores_limit REAL NOT NULL DEFAULT 8,
    ram_limit REAL NOT NULL DEFAULT 32,
    cmd TEXT,
    args TEXT NOT NULL,
    env TEXT NOT NULL,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    lifetime REAL NOT NULL,
    deleted INTEGER NOT NULL,
    due REAL,
    UNIQUE (id, appid)
);
CREATE INDEX IF NOT EXISTS by_phase ON sessions (phase, seq);
CREATE INDEX IF NOT EXISTS by_due ON sessions (due);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
    type TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    at REAL,
    written REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS by_session ON events (seq);
PRAGMA user_version = 2;
"""
_VERSIONS = (0, 1, 2)

# Version 1 of the schema has no limits.
_UPGRADE_FROM_1 = """
ALTER TABLE sessions ADD COLUMN cores_limit REAL NOT NULL DEFAULT 8;
ALTER TABLE sessions ADD COLUMN ram_limit REAL NOT NULL DEFAULT 32;
PRAGMA user_version = 2;
"""


class Store:
    """Sessions and events; they survive every end of the daemon.

    The column `due` holds the next time at which the scheduler must act on a session: the earliest
    start of a queued session, the expiry of a running session, the removal of a finished session.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        # This is the only process that uses the file. Without this setting, SQLite needs a second
        # file in the memory of all processes, and a full disk has no room for it.
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA foreign_keys=ON")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in _VERSIONS:
            raise sqlite3.DatabaseError(f"a later release wrote it (layout {version})")
        # Do not write at every start: a platform must start on a full disk, too.
        if version != _VERSIONS[-1]:
            self._db.executescript(_UPGRADE_FROM_1 if version == 1 else _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(self, session: Session, due: float | None) -> None:
        """Insert a new session."""
        row = asdict(session)
        del row["seq"]
        row |= {"args": json.dumps(session.args), "env": json.dumps(session.env), "due": due}
        columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
        # The column names are the fields of `Session`; no user input is part of the statement.
        self._db.execute(f"INSERT INTO sessions ({columns}) VALUES ({values})", row)  # noqa: S608

    def get(self, session_id: str, appid: str = "") -> Session | None:
        """Return a session, or `None` if it does not exist or was deleted."""
        query = "SELECT * FROM sessions WHERE id = ? AND appid = ? AND NOT deleted"
        return next(self._select(query, session_id, appid), None)

    def id_exists(self, session_id: str, appid: str = "") -> bool:
        """Return whether an id is in use; deleted sessions count until their processes end."""
        query = "SELECT 1 FROM sessions WHERE id = ? AND appid = ?"
        return self._db.execute(query, (session_id, appid)).fetchone() is not None

    def phase(self, session: Session) -> Phase:
        """Return the current phase of a session; the phase of the object may be outdated."""
        row = self._db.execute("SELECT phase FROM sessions WHERE seq = ?", (session.seq,))
        return Phase(row.fetchone()["phase"])

    def all(self) -> list[Session]:
        """Return all sessions and apps that are not deleted."""
        return list(self._select("SELECT * FROM sessions WHERE NOT deleted"))

    def apps(self, session_id: str) -> list[Session]:
        """Return the apps of a desktop."""
        query = "SELECT * FROM sessions WHERE id = ? AND appid != '' AND NOT deleted"
        return list(self._select(query, session_id))

    def first_queued(self) -> Session | None:
        """Return the next session to start."""
        query = "SELECT * FROM sessions WHERE phase = 'queued' ORDER BY seq LIMIT 1"
        return next(self._select(query), None)

    def with_processes(self) -> list[Session]:
        """Return the sessions that may have processes: started sessions and deleted sessions."""
        query = (
            "SELECT * FROM sessions WHERE phase IN ('starting', 'unready', 'running') OR deleted"
        )
        return list(self._select(query))

    def due(self, now: float) -> list[Session]:
        """Return the sessions on which the scheduler must act now."""
        return list(self._select("SELECT * FROM sessions WHERE due <= ? ORDER BY due", now))

    def next_due(self) -> float | None:
        """Return the next time at which the scheduler must act on a session."""
        (time,) = self._db.execute("SELECT min(due) FROM sessions").fetchone()
        return None if time is None else float(time)

    def set_phase(
        self,
        session: Session,
        phase: Phase,
        *events: Event,
        now: float,
        due: float | None = None,
        started: float | None = None,
        ended: float | None = None,
    ) -> None:
        """Set the phase of a session and insert its events, in one transaction."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute(
                "UPDATE sessions SET phase = ?, due = ?, started = coalesce(?, started),"
                " ended = coalesce(?, ended) WHERE seq = ?",
                (phase, due, started, ended, session.seq),
            )
            self._db.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
                [(session.seq, e.type, e.reason, e.message, e.at, now) for e in events],
            )

    def set_ready(self, session: Session) -> None:
        """Set the phase of an unready session to running."""
        self._db.execute(
            "UPDATE sessions SET phase = 'running' WHERE seq = ? AND phase = 'unready'",
            (session.seq,),
        )

    def set_lifetime(self, session: Session, lifetime: float, due: float | None) -> None:
        """Set the lifetime of a session, counted from its start."""
        self._db.execute(
            "UPDATE sessions SET lifetime = ?, due = ? WHERE seq = ?", (lifetime, due, session.seq)
        )

    def set_due(self, session: Session, due: float | None) -> None:
        """Set the next time at which the scheduler must act on a session."""
        self._db.execute("UPDATE sessions SET due = ? WHERE seq = ?", (due, session.seq))

    def mark_deleted(self, session: Session) -> None:
        """Mark a session as deleted while its processes end."""
        self._db.execute(
            "UPDATE sessions SET deleted = 1, due = NULL WHERE seq = ?", (session.seq,)
        )

    def remove(self, session: Session) -> None:
        """Remove a session and its events."""
        self._db.execute("DELETE FROM sessions WHERE seq = ?", (session.seq,))

    def events(self, session: Session, since: float) -> list[Event]:
        """Return the events of a session that were inserted after a time, oldest first."""
        rows: Iterable[Any] = self._db.execute(
            "SELECT type, reason, message, at FROM events"
            " WHERE seq = ? AND written > ? ORDER BY rowid",
            (session.seq, since),
        )
        return [Event(*row) for row in rows]

    def _select(self, query: str, *values: object) -> Iterator[Session]:
        return map(_session, self._db.execute(query, values))


def _session(row: sqlite3.Row) -> Session:
    fields = dict(row)
    del fields["due"]
    args = json.loads(row["args"])
    fields |= {
        "phase": Phase(row["phase"]),
        "fixed": bool(row["fixed"]),
        "deleted": bool(row["deleted"]),
        "args": None if args is None else tuple(args),
        "env": tuple(map(tuple, json.loads(row["env"]))),
    }
    return Session(**fields)
