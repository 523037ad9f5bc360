"""The network of this colour, written by hand in each: httpcore's own, on blocking sockets."""

from httpcore import SyncBackend as Network

__all__ = ["Network"]
