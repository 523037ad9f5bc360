"""The pages of the container that the real service runs in, where the service is not asked."""

from http import HTTPStatus


def page(status: HTTPStatus) -> str:
    """Return the page for a status."""
    title = f"HTTP Status {status.value} \N{EN DASH} {status.phrase}"
    return (
        f'<!doctype html><html lang="en"><head><title>{title}</title></head>'
        f"<body><h1>{title}</h1></body></html>"
    )


def welcome() -> str:
    """Return the page at the root of the service."""
    return (
        '<!doctype html><html lang="en"><head><title>Skaha</title></head><body><h1>Skaha</h1>'
        "<p>The embedded platform of this machine runs here.</p></body></html>"
    )
