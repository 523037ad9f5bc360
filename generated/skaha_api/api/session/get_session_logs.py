from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...types import UNSET, Response


def _get_kwargs(
    session_id: str,
    *,
    view: Literal["logs"] = "logs",
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["view"] = view

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/session/{session_id}#logs".format(
            session_id=quote(str(session_id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> str | None:
    if response.status_code == 200:
        response_200 = response.text
        return response_200

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[str]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    session_id: str,
    *,
    client: AuthenticatedClient | Client,
    view: Literal["logs"] = "logs",
) -> Response[str]:
    """Read the log of a session.

     The standard output and the standard error of the container as one text. The text is empty before
    the container starts, and for an id that does not exist.

    Args:
        session_id (str): The id of the session, eight characters.
        view (Literal['logs']): Selects this view. Default: 'logs'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[str]
    """

    kwargs = _get_kwargs(
        session_id=session_id,
        view=view,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    session_id: str,
    *,
    client: AuthenticatedClient | Client,
    view: Literal["logs"] = "logs",
) -> str | None:
    """Read the log of a session.

     The standard output and the standard error of the container as one text. The text is empty before
    the container starts, and for an id that does not exist.

    Args:
        session_id (str): The id of the session, eight characters.
        view (Literal['logs']): Selects this view. Default: 'logs'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        str
    """

    return sync_detailed(
        session_id=session_id,
        client=client,
        view=view,
    ).parsed


async def asyncio_detailed(
    session_id: str,
    *,
    client: AuthenticatedClient | Client,
    view: Literal["logs"] = "logs",
) -> Response[str]:
    """Read the log of a session.

     The standard output and the standard error of the container as one text. The text is empty before
    the container starts, and for an id that does not exist.

    Args:
        session_id (str): The id of the session, eight characters.
        view (Literal['logs']): Selects this view. Default: 'logs'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[str]
    """

    kwargs = _get_kwargs(
        session_id=session_id,
        view=view,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    session_id: str,
    *,
    client: AuthenticatedClient | Client,
    view: Literal["logs"] = "logs",
) -> str | None:
    """Read the log of a session.

     The standard output and the standard error of the container as one text. The text is empty before
    the container starts, and for an id that does not exist.

    Args:
        session_id (str): The id of the session, eight characters.
        view (Literal['logs']): Selects this view. Default: 'logs'.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        str
    """

    return (
        await asyncio_detailed(
            session_id=session_id,
            client=client,
            view=view,
        )
    ).parsed
