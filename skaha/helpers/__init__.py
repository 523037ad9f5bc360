"""Helpers for programs that launch sessions, and for programs inside a session."""
