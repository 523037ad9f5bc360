from http import HTTPStatus
from typing import Any, Literal

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.session import Session
from ...models.session_status import SessionStatus
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    status: SessionStatus | str | Unset = UNSET,
    view: Literal["interactive"] = "interactive",
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_status: str | Unset
    if isinstance(status, Unset):
        json_status = UNSET
    elif isinstance(status, SessionStatus):
        json_status = status.value
    else:
        json_status = status
    params["status"] = json_status

    params["view"] = view

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/session#interactive",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> list[Session] | None:
    if response.status_code == 200:
        response_200 = []
        _response_200 = response.json()
        for response_200_item_data in _response_200:
            response_200_item = Session.from_dict(response_200_item_data)

            response_200.append(response_200_item)

        return response_200

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[list[Session]]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    status: SessionStatus | str | Unset = UNSET,
    view: Literal["interactive"] = "interactive",
) -> Response[list[Session]]:
    """List the caller's interactive sessions.

     All sessions of the caller that are not headless, and the apps of desktops. Older platforms ignore
    this view and list all sessions of the caller.

    Args:
        status (SessionStatus | str | Unset): Keep the sessions with this status, in upper or
            lower case. An unknown status keeps none.
        view (Literal['interactive']): Selects this view. Default: 'interactive'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[list[Session]]
    """

    kwargs = _get_kwargs(
        status=status,
        view=view,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    status: SessionStatus | str | Unset = UNSET,
    view: Literal["interactive"] = "interactive",
) -> list[Session] | None:
    """List the caller's interactive sessions.

     All sessions of the caller that are not headless, and the apps of desktops. Older platforms ignore
    this view and list all sessions of the caller.

    Args:
        status (SessionStatus | str | Unset): Keep the sessions with this status, in upper or
            lower case. An unknown status keeps none.
        view (Literal['interactive']): Selects this view. Default: 'interactive'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        list[Session]
    """

    return sync_detailed(
        client=client,
        status=status,
        view=view,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    status: SessionStatus | str | Unset = UNSET,
    view: Literal["interactive"] = "interactive",
) -> Response[list[Session]]:
    """List the caller's interactive sessions.

     All sessions of the caller that are not headless, and the apps of desktops. Older platforms ignore
    this view and list all sessions of the caller.

    Args:
        status (SessionStatus | str | Unset): Keep the sessions with this status, in upper or
            lower case. An unknown status keeps none.
        view (Literal['interactive']): Selects this view. Default: 'interactive'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[list[Session]]
    """

    kwargs = _get_kwargs(
        status=status,
        view=view,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    status: SessionStatus | str | Unset = UNSET,
    view: Literal["interactive"] = "interactive",
) -> list[Session] | None:
    """List the caller's interactive sessions.

     All sessions of the caller that are not headless, and the apps of desktops. Older platforms ignore
    this view and list all sessions of the caller.

    Args:
        status (SessionStatus | str | Unset): Keep the sessions with this status, in upper or
            lower case. An unknown status keeps none.
        view (Literal['interactive']): Selects this view. Default: 'interactive'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        list[Session]
    """

    return (
        await asyncio_detailed(
            client=client,
            status=status,
            view=view,
        )
    ).parsed
