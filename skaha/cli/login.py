"""Commands that get credentials and remove them, and that list where they are good for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skaha.cli._call import Call, command
from skaha.cli._sessions import stamp

if TYPE_CHECKING:
    from skaha.cli._output import Item

_COLUMNS = ("user", "provider", "method", "expires", "place")


@command("login")
@click.argument("provider", required=False)
@click.option("--user", metavar="NAME", help="User name, for a certificate.")
@click.option(
    "--days", type=float, default=10, show_default=True, help="Days that a certificate is valid."
)
@click.option("--client-id", metavar="ID", help="Client that the provider knows; else one is made.")
@click.pass_obj
def login_command(
    call: Call, provider: str | None, *, user: str | None, days: float, client_id: str | None
) -> int:
    """Get a certificate or a token, and keep it where it is found.

    PROVIDER is the name of a server (see `skaha servers`) or of a provider (cadc, srcnet), or the
    URL of a provider of OpenID Connect; by default the one of the server in use. A password is
    taken from ~/.netrc, or asked for. The address and the code of OpenID Connect are on standard
    error, for any browser.
    """
    import skaha

    chosen = _chosen(call, "server", "certificate", "timeout")
    done = skaha.login(
        provider, user=user, days=days, client_id=client_id, profile=call.profile, **chosen
    )
    item: Item = {
        "user": done.user,
        "provider": done.provider,
        "method": done.method,
        "expires": stamp(done.expires),
        "place": done.place,
        "server": done.server,
        "profile": done.profile,
    }
    return call.report([item], _COLUMNS, key="user")


@command("logout")
@click.argument("provider", required=False)
@click.pass_obj
def logout_command(call: Call, provider: str | None) -> int:
    """Remove the certificate or the token, and have it revoked.

    PROVIDER is as for `skaha login`. What is removed is listed; there may be nothing.
    """
    import skaha

    chosen = _chosen(call, "certificate", "timeout")
    removed = skaha.logout(provider, profile=call.profile, **chosen)
    return call.report([{"removed": one} for one in removed], ("removed",), key="removed")


@command("servers")
@click.argument("provider", required=False)
@click.option("--trial", is_flag=True, help="Also those that are there to be tested.")
@click.pass_obj
def servers_command(call: Call, provider: str | None, *, trial: bool) -> int:
    """List the servers that there are, as the registries of the providers know them."""
    from skaha import auth

    chosen = _chosen(call, "timeout")
    items: list[Item] = [
        {
            "name": one.name,
            "url": one.url,
            "provider": one.provider,
            "uri": one.uri,
            "source": one.source,
        }
        for one in auth.discover(provider, trial=trial, **chosen)
    ]
    return call.report(items, ("name", "url", "provider", "source"), key="name")


def _chosen(call: Call, *names: str) -> dict[str, Any]:
    """Return what was given of the options that all commands share."""
    from skaha.cli._notes import listen

    listen(verbose=call.verbose)
    return {name: call.given[name] for name in names if name in call.given}
