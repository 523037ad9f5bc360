from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.session import Session
from ...models.session_kind import SessionKind
from ...models.session_status import SessionStatus
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    type_: SessionKind | str | Unset = UNSET,
    status: SessionStatus | str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_type_: str | Unset
    if isinstance(type_, Unset):
        json_type_ = UNSET
    elif isinstance(type_, SessionKind):
        json_type_ = type_.value
    else:
        json_type_ = type_
    params["type"] = json_type_

    json_status: str | Unset
    if isinstance(status, Unset):
        json_status = UNSET
    elif isinstance(status, SessionStatus):
        json_status = status.value
    else:
        json_status = status
    params["status"] = json_status

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/session",
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
    type_: SessionKind | str | Unset = UNSET,
    status: SessionStatus | str | Unset = UNSET,
) -> Response[list[Session]]:
    """List the caller's sessions.

     All sessions of the caller that the platform still remembers, also finished sessions, in any order.
    Newer platforms list the apps of desktops only with `type=desktop-app`; older platforms always list
    them. The `id` of an app is the id of its desktop.

    Args:
        type_ (SessionKind | str | Unset): Keep the sessions of this kind, in upper or lower case.
            An unknown kind keeps none.
        status (SessionStatus | str | Unset): Keep the sessions with this status, in upper or
            lower case. An unknown status keeps none.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[list[Session]]
    """

    kwargs = _get_kwargs(
        type_=type_,
        status=status,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    type_: SessionKind | str | Unset = UNSET,
    status: SessionStatus | str | Unset = UNSET,
) -> list[Session] | None:
    """List the caller's sessions.

     All sessions of the caller that the platform still remembers, also finished sessions, in any order.
    Newer platforms list the apps of desktops only with `type=desktop-app`; older platforms always list
    them. The `id` of an app is the id of its desktop.

    Args:
        type_ (SessionKind | str | Unset): Keep the sessions of this kind, in upper or lower case.
            An unknown kind keeps none.
        status (SessionStatus | str | Unset): Keep the sessions with this status, in upper or
            lower case. An unknown status keeps none.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        list[Session]
    """

    return sync_detailed(
        client=client,
        type_=type_,
        status=status,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    type_: SessionKind | str | Unset = UNSET,
    status: SessionStatus | str | Unset = UNSET,
) -> Response[list[Session]]:
    """List the caller's sessions.

     All sessions of the caller that the platform still remembers, also finished sessions, in any order.
    Newer platforms list the apps of desktops only with `type=desktop-app`; older platforms always list
    them. The `id` of an app is the id of its desktop.

    Args:
        type_ (SessionKind | str | Unset): Keep the sessions of this kind, in upper or lower case.
            An unknown kind keeps none.
        status (SessionStatus | str | Unset): Keep the sessions with this status, in upper or
            lower case. An unknown status keeps none.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[list[Session]]
    """

    kwargs = _get_kwargs(
        type_=type_,
        status=status,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    type_: SessionKind | str | Unset = UNSET,
    status: SessionStatus | str | Unset = UNSET,
) -> list[Session] | None:
    """List the caller's sessions.

     All sessions of the caller that the platform still remembers, also finished sessions, in any order.
    Newer platforms list the apps of desktops only with `type=desktop-app`; older platforms always list
    them. The `id` of an app is the id of its desktop.

    Args:
        type_ (SessionKind | str | Unset): Keep the sessions of this kind, in upper or lower case.
            An unknown kind keeps none.
        status (SessionStatus | str | Unset): Keep the sessions with this status, in upper or
            lower case. An unknown status keeps none.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        list[Session]
    """

    return (
        await asyncio_detailed(
            client=client,
            type_=type_,
            status=status,
        )
    ).parsed
