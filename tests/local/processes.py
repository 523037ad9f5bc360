"""Processes of the sessions of an embedded platform."""

import psutil


def alive(pid):
    """Return whether a process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def processes_of(session_id):
    """Return the ids of the processes that have the id of a session in their environment."""
    pids = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("skaha_sessionid") == session_id:
                pids.append(process.pid)
        except psutil.Error:
            continue
    return [pid for pid in pids if alive(pid)]
