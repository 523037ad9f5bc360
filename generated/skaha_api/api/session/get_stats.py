from http import HTTPStatus
from typing import Any, Literal

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.stats import Stats
from ...types import UNSET, Response


def _get_kwargs(
    *,
    view: Literal["stats"] = "stats",
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["view"] = view

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/session#stats",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Stats | None:
    if response.status_code == 200:
        response_200 = Stats.from_dict(response.json())

        return response_200

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Stats]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    view: Literal["stats"] = "stats",
) -> Response[Stats]:
    """Read the use of the platform.

     The status is 503 at a site without a metrics backend.

    Args:
        view (Literal['stats']): Selects this view. Default: 'stats'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Stats]
    """

    kwargs = _get_kwargs(
        view=view,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    view: Literal["stats"] = "stats",
) -> Stats | None:
    """Read the use of the platform.

     The status is 503 at a site without a metrics backend.

    Args:
        view (Literal['stats']): Selects this view. Default: 'stats'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Stats
    """

    return sync_detailed(
        client=client,
        view=view,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    view: Literal["stats"] = "stats",
) -> Response[Stats]:
    """Read the use of the platform.

     The status is 503 at a site without a metrics backend.

    Args:
        view (Literal['stats']): Selects this view. Default: 'stats'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Stats]
    """

    kwargs = _get_kwargs(
        view=view,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    view: Literal["stats"] = "stats",
) -> Stats | None:
    """Read the use of the platform.

     The status is 503 at a site without a metrics backend.

    Args:
        view (Literal['stats']): Selects this view. Default: 'stats'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Stats
    """

    return (
        await asyncio_detailed(
            client=client,
            view=view,
        )
    ).parsed
