"""The asynchronous colour, and the source of the synchronous one."""
