from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.new_session import NewSession
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: NewSession,
    x_skaha_registry_auth: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(x_skaha_registry_auth, Unset):
        headers["x-skaha-registry-auth"] = x_skaha_registry_auth

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/session",
    }

    _kwargs["data"] = body.to_dict()
    headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"

    _kwargs["headers"] = headers
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
    *,
    client: AuthenticatedClient | Client,
    body: NewSession,
    x_skaha_registry_auth: str | Unset = UNSET,
) -> Response[str]:
    """Launch a session.

     The platform accepts the session and responds immediately with its id; the container starts later.
    This operation is not idempotent: each call launches another session, and several sessions can have
    the same name.

    Args:
        x_skaha_registry_auth (str | Unset): `username:secret` for the registry of the image, in
            base64. An image that `GET /v1/image` does not list needs it, also if the image is public.
        body (NewSession): The fields of a launch.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[str]
    """

    kwargs = _get_kwargs(
        body=body,
        x_skaha_registry_auth=x_skaha_registry_auth,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: NewSession,
    x_skaha_registry_auth: str | Unset = UNSET,
) -> str | None:
    """Launch a session.

     The platform accepts the session and responds immediately with its id; the container starts later.
    This operation is not idempotent: each call launches another session, and several sessions can have
    the same name.

    Args:
        x_skaha_registry_auth (str | Unset): `username:secret` for the registry of the image, in
            base64. An image that `GET /v1/image` does not list needs it, also if the image is public.
        body (NewSession): The fields of a launch.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        str
    """

    return sync_detailed(
        client=client,
        body=body,
        x_skaha_registry_auth=x_skaha_registry_auth,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: NewSession,
    x_skaha_registry_auth: str | Unset = UNSET,
) -> Response[str]:
    """Launch a session.

     The platform accepts the session and responds immediately with its id; the container starts later.
    This operation is not idempotent: each call launches another session, and several sessions can have
    the same name.

    Args:
        x_skaha_registry_auth (str | Unset): `username:secret` for the registry of the image, in
            base64. An image that `GET /v1/image` does not list needs it, also if the image is public.
        body (NewSession): The fields of a launch.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[str]
    """

    kwargs = _get_kwargs(
        body=body,
        x_skaha_registry_auth=x_skaha_registry_auth,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: NewSession,
    x_skaha_registry_auth: str | Unset = UNSET,
) -> str | None:
    """Launch a session.

     The platform accepts the session and responds immediately with its id; the container starts later.
    This operation is not idempotent: each call launches another session, and several sessions can have
    the same name.

    Args:
        x_skaha_registry_auth (str | Unset): `username:secret` for the registry of the image, in
            base64. An image that `GET /v1/image` does not list needs it, also if the image is public.
        body (NewSession): The fields of a launch.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        str
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            x_skaha_registry_auth=x_skaha_registry_auth,
        )
    ).parsed
