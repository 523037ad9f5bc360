"""The platform's memory: every session and its events in one SQLite file.

All calls come from the event loop's thread. One takes some ten microseconds: the journal is
flushed to the disk at checkpoints only, so a killed daemon loses nothing, and a machine that loses
power loses at most the last moments of sessions that died with it.
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

# The first layout did not know the limits.
_FROM_FIRST = """
ALTER TABLE sessions ADD COLUMN cores_limit REAL NOT NULL DEFAULT 8;
ALTER TABLE sessions ADD COLUMN ram_limit REAL NOT NULL DEFAULT 32;
PRAGMA user_version = 2;
"""


class Store:
    """Sessions and events, kept across the end of the daemon however it comes.

    A session's `due` is when the clock next concerns it: the earliest start of a queued one,
    the expiry of a running one, the removal of a finished one.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA foreign_keys=ON")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in _VERSIONS:
            raise sqlite3.DatabaseError(f"a later release wrote it (layout {version})")
        # Not every time: a platform is to come back on a full disk, too.
        if version != _VERSIONS[-1]:
            self._db.executescript(_FROM_FIRST if version == 1 else _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(self, session: Session, due: float | None) -> None:
        """Remember a new session."""
        row = asdict(session)
        del row["seq"]
        row |= {"args": json.dumps(session.args), "env": json.dumps(session.env), "due": due}
        columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
        # The names are those of the class above, never a caller's words.
        self._db.execute(f"INSERT INTO sessions ({columns}) VALUES ({values})", row)  # noqa: S608

    def get(self, session_id: str, appid: str = "") -> Session | None:
        """Return one session, None when there is none or it was deleted."""
        query = "SELECT * FROM sessions WHERE id = ? AND appid = ? AND NOT deleted"
        return next(self._select(query, session_id, appid), None)

    def taken(self, session_id: str, appid: str = "") -> bool:
        """Return whether an id is in use, be it by a session that is only just ending."""
        query = "SELECT 1 FROM sessions WHERE id = ? AND appid = ?"
        return self._db.execute(query, (session_id, appid)).fetchone() is not None

    def phase(self, session: Session) -> Phase:
        """Return the present phase of a session that may have moved on."""
        row = self._db.execute("SELECT phase FROM sessions WHERE seq = ?", (session.seq,))
        return Phase(row.fetchone()["phase"])

    def listed(self) -> list[Session]:
        """Return every session and app that is not deleted."""
        return list(self._select("SELECT * FROM sessions WHERE NOT deleted"))

    def apps(self, session_id: str) -> list[Session]:
        """Return the apps of one desktop."""
        query = "SELECT * FROM sessions WHERE id = ? AND appid != '' AND NOT deleted"
        return list(self._select(query, session_id))

    def first_queued(self) -> Session | None:
        """Return the session whose turn it is."""
        query = "SELECT * FROM sessions WHERE phase = 'queued' ORDER BY seq LIMIT 1"
        return next(self._select(query), None)

    def at_work(self) -> list[Session]:
        """Return the sessions that may have processes: begun, or deleted a moment ago."""
        query = (
            "SELECT * FROM sessions WHERE phase IN ('starting', 'unready', 'running') OR deleted"
        )
        return list(self._select(query))

    def due(self, now: float) -> list[Session]:
        """Return the sessions whose moment has come."""
        return list(self._select("SELECT * FROM sessions WHERE due <= ? ORDER BY due", now))

    def next_due(self) -> float | None:
        """Return the next moment at which the clock concerns a session."""
        (moment,) = self._db.execute("SELECT min(due) FROM sessions").fetchone()
        return None if moment is None else float(moment)

    def move(
        self,
        session: Session,
        phase: Phase,
        *events: Event,
        now: float,
        due: float | None = None,
        started: float | None = None,
        ended: float | None = None,
    ) -> None:
        """Put a session into a phase and write the events that tell of it, both or neither."""
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

    def admit(self, session: Session) -> None:
        """Let a session count as running that was only waited for to be ready."""
        self._db.execute(
            "UPDATE sessions SET phase = 'running' WHERE seq = ? AND phase = 'unready'",
            (session.seq,),
        )

    def prolong(self, session: Session, lifetime: float, due: float) -> None:
        """Give a session a new lifetime, counted from its start."""
        self._db.execute(
            "UPDATE sessions SET lifetime = ?, due = ? WHERE seq = ?", (lifetime, due, session.seq)
        )

    def ripen(self, session: Session) -> None:
        """Let a queued session start as soon as there is room."""
        self._db.execute("UPDATE sessions SET due = NULL WHERE seq = ?", (session.seq,))

    def hide(self, session: Session) -> None:
        """Mark a session as deleted while its processes are being ended."""
        self._db.execute(
            "UPDATE sessions SET deleted = 1, due = NULL WHERE seq = ?", (session.seq,)
        )

    def remove(self, session: Session) -> None:
        """Forget a session and its events."""
        self._db.execute("DELETE FROM sessions WHERE seq = ?", (session.seq,))

    def events(self, session: Session, since: float) -> list[Event]:
        """Return the events of a session written after a moment, oldest first."""
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
