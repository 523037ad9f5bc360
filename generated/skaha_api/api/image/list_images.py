from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.image import Image
from ...models.session_kind import SessionKind
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    type_: SessionKind | str | Unset = UNSET,
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

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/image",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> list[Image] | None:
    if response.status_code == 200:
        response_200 = []
        _response_200 = response.json()
        for response_200_item_data in _response_200:
            response_200_item = Image.from_dict(response_200_item_data)

            response_200.append(response_200_item)

        return response_200

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[list[Image]]:
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
) -> Response[list[Image]]:
    """List the public images of the platform.

     The public images with labels, one tag each. A new image appears within half an hour. Other images
    in the registries of the platform can be launched, too, with the header `x-skaha-registry-auth`.

    Args:
        type_ (SessionKind | str | Unset): Keep the images with a label for this kind of session,
            in lower case. The status is 400 for an unknown kind.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[list[Image]]
    """

    kwargs = _get_kwargs(
        type_=type_,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    type_: SessionKind | str | Unset = UNSET,
) -> list[Image] | None:
    """List the public images of the platform.

     The public images with labels, one tag each. A new image appears within half an hour. Other images
    in the registries of the platform can be launched, too, with the header `x-skaha-registry-auth`.

    Args:
        type_ (SessionKind | str | Unset): Keep the images with a label for this kind of session,
            in lower case. The status is 400 for an unknown kind.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        list[Image]
    """

    return sync_detailed(
        client=client,
        type_=type_,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    type_: SessionKind | str | Unset = UNSET,
) -> Response[list[Image]]:
    """List the public images of the platform.

     The public images with labels, one tag each. A new image appears within half an hour. Other images
    in the registries of the platform can be launched, too, with the header `x-skaha-registry-auth`.

    Args:
        type_ (SessionKind | str | Unset): Keep the images with a label for this kind of session,
            in lower case. The status is 400 for an unknown kind.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[list[Image]]
    """

    kwargs = _get_kwargs(
        type_=type_,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    type_: SessionKind | str | Unset = UNSET,
) -> list[Image] | None:
    """List the public images of the platform.

     The public images with labels, one tag each. A new image appears within half an hour. Other images
    in the registries of the platform can be launched, too, with the header `x-skaha-registry-auth`.

    Args:
        type_ (SessionKind | str | Unset): Keep the images with a label for this kind of session,
            in lower case. The status is 400 for an unknown kind.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        list[Image]
    """

    return (
        await asyncio_detailed(
            client=client,
            type_=type_,
        )
    ).parsed
