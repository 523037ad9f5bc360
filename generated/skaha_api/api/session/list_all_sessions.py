from http import HTTPStatus
from typing import Any, Literal

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.public_session import PublicSession
from ...models.session_kind import SessionKind
from ...models.session_status import SessionStatus
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    type_: SessionKind | str | Unset = UNSET,
    status: SessionStatus | str | Unset = UNSET,
    view: Literal["all"] = "all",
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

    params["view"] = view

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/session#all",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> list[PublicSession] | None:
    if response.status_code == 200:
        response_200 = []
        _response_200 = response.json()
        for response_200_item_data in _response_200:
            response_200_item = PublicSession.from_dict(response_200_item_data)

            response_200.append(response_200_item)

        return response_200

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[list[PublicSession]]:
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
    view: Literal["all"] = "all",
) -> Response[list[PublicSession]]:
    """List the sessions of all users.

     The sessions of all users, with their four public fields only.

    Args:
        type_ (SessionKind | str | Unset): Keep the sessions of this kind, in upper or lower case.
            An unknown kind keeps none.
        status (SessionStatus | str | Unset): Keep the sessions with this status, in upper or
            lower case. An unknown status keeps none.
        view (Literal['all']): Selects this view. Default: 'all'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[list[PublicSession]]
    """

    kwargs = _get_kwargs(
        type_=type_,
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
    type_: SessionKind | str | Unset = UNSET,
    status: SessionStatus | str | Unset = UNSET,
    view: Literal["all"] = "all",
) -> list[PublicSession] | None:
    """List the sessions of all users.

     The sessions of all users, with their four public fields only.

    Args:
        type_ (SessionKind | str | Unset): Keep the sessions of this kind, in upper or lower case.
            An unknown kind keeps none.
        status (SessionStatus | str | Unset): Keep the sessions with this status, in upper or
            lower case. An unknown status keeps none.
        view (Literal['all']): Selects this view. Default: 'all'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        list[PublicSession]
    """

    return sync_detailed(
        client=client,
        type_=type_,
        status=status,
        view=view,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    type_: SessionKind | str | Unset = UNSET,
    status: SessionStatus | str | Unset = UNSET,
    view: Literal["all"] = "all",
) -> Response[list[PublicSession]]:
    """List the sessions of all users.

     The sessions of all users, with their four public fields only.

    Args:
        type_ (SessionKind | str | Unset): Keep the sessions of this kind, in upper or lower case.
            An unknown kind keeps none.
        status (SessionStatus | str | Unset): Keep the sessions with this status, in upper or
            lower case. An unknown status keeps none.
        view (Literal['all']): Selects this view. Default: 'all'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[list[PublicSession]]
    """

    kwargs = _get_kwargs(
        type_=type_,
        status=status,
        view=view,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    type_: SessionKind | str | Unset = UNSET,
    status: SessionStatus | str | Unset = UNSET,
    view: Literal["all"] = "all",
) -> list[PublicSession] | None:
    """List the sessions of all users.

     The sessions of all users, with their four public fields only.

    Args:
        type_ (SessionKind | str | Unset): Keep the sessions of this kind, in upper or lower case.
            An unknown kind keeps none.
        status (SessionStatus | str | Unset): Keep the sessions with this status, in upper or
            lower case. An unknown status keeps none.
        view (Literal['all']): Selects this view. Default: 'all'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        list[PublicSession]
    """

    return (
        await asyncio_detailed(
            client=client,
            type_=type_,
            status=status,
            view=view,
        )
    ).parsed
