"""Helpers for what runs inside a session, or is about to."""
