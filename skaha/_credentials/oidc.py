"""OpenID Connect: device flow, renewal and revocation of tokens, registration of this program."""

from __future__ import annotations

import math
import re
import time
from typing import TYPE_CHECKING, Any

import attrs
import httpx

from skaha._credentials.http import (
    check_secure_url,
    json_object,
    one_line,
    open_client,
    parsed_json,
    send,
    server_message,
    word_of,
)
from skaha._credentials.jwt import token_expiry
from skaha._credentials.store import StoredLogin
from skaha._sansio.validation import checked_token
from skaha.errors import CredentialsError, InvalidInputError, LoginRefusedError, SkahaError
from skaha.models import SecretText

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_WELL_KNOWN = ".well-known/openid-configuration"
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SCOPES = ("openid", "profile", "email", "offline_access")
# The defaults of values that a provider does not state, in seconds.
_TOKEN_LIFE, _CODE_LIFE, _INTERVAL = 300, 600, 5
# Nobody waits longer for a login, in seconds.
_MAX_CODE_LIFE = 86400
_ASCII = re.compile(r"[ -~]+")


@attrs.frozen
class Endpoints:
    """Endpoint URLs of a provider; `None` if unsupported. `scope` is the scope to ask for."""

    token: str
    device: str
    registration: str | None
    revocation: str | None
    userinfo: str | None
    scope: str


@attrs.frozen
class DeviceCode:
    """A code that a person enters in any browser to log in.

    Attributes:
        code: The code to enter.
        url: Address of the page to enter the code on.
        whole_url: Address that contains the code, too; `None` if the provider has none.
        expires: Time when the code expires, in seconds since 1970.
        interval: Seconds between two requests for the result of the login.
        secret: Secret that requests the tokens. It is not for the person.

    Example:
        >>> from skaha.auth import DeviceCode
        >>> DeviceCode("WDJB-MJHT", "https://iam.example.org/device", None, expires=1.8e9).code
        'WDJB-MJHT'
    """

    code: str
    url: str
    whole_url: str | None
    expires: float
    interval: float = _INTERVAL
    secret: SecretText | None = None


@attrs.frozen
class _Tokens:
    """The tokens of a response. Times are in seconds since 1970."""

    access_token: SecretText
    expires: float
    refresh_token: SecretText | None
    ends: float | None


class OpenIDProvider:
    """A provider of OpenID Connect, and the registration of this program there."""

    def __init__(
        self,
        issuer: str,
        timeout: float,
        *,
        client_id: str = "",
        client_secret: SecretText | None = None,
        client_auth: str | None = None,
    ) -> None:
        """Store the arguments. Do not send a request yet."""
        check_secure_url(issuer, "the provider")
        self.issuer = issuer
        self.client_id = client_id
        self.client_secret = client_secret
        self.client_auth = client_auth or ("client_secret_basic" if client_secret else "none")
        self._http = open_client(timeout)

    @classmethod
    def of(cls, login: StoredLogin, timeout: float) -> OpenIDProvider:
        """Return the provider of a login."""
        return cls(
            login.issuer,
            timeout,
            client_id=login.client_id,
            client_secret=login.client_secret,
            client_auth=login.client_auth,
        )

    def __enter__(self) -> Self:
        """Return the provider itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self._http.close()

    def endpoints(self) -> Endpoints:
        """Request the endpoints.

        Raises:
            CredentialsError: If the description is missing, is of another provider, or has no
                endpoint for the device flow.
            InvalidInputError: If an endpoint for the device flow is not secure.
        """
        url = f"{self.issuer.rstrip('/')}/{_WELL_KNOWN}"
        described = json_object(send(self._http, "GET", url), "description of OpenID Connect")
        issuer = word_of(described.get("issuer"))
        if issuer.rstrip("/") != self.issuer.rstrip("/"):
            raise CredentialsError(f"{url} describes another provider, {one_line(issuer)!r}")
        for name in ("token_endpoint", "device_authorization_endpoint"):
            if not isinstance(described.get(name), str):
                raise CredentialsError(
                    f"{self.issuer} has no {name}: it does not support logins by device"
                )
            check_secure_url(described[name], f"the {name} of {self.issuer}")
        supported = described.get("scopes_supported")
        if not supported or not isinstance(supported, list):
            supported = _SCOPES
        return Endpoints(
            token=described["token_endpoint"],
            device=described["device_authorization_endpoint"],
            registration=_secure_url(described.get("registration_endpoint")),
            revocation=_secure_url(described.get("revocation_endpoint")),
            userinfo=_secure_url(described.get("userinfo_endpoint")),
            scope=" ".join(scope for scope in _SCOPES if scope in supported),
        )

    def register(self, endpoints: Endpoints) -> None:
        """Register this program at the provider.

        Raises:
            CredentialsError: If the provider does not register new programs.
        """
        if endpoints.registration is None:
            raise CredentialsError(f"{self.issuer} does not register programs: give a client_id")
        request = {
            "client_name": "skaha for Python",
            "grant_types": [_DEVICE_GRANT, "refresh_token"],
            "response_types": ["token"],
            "token_endpoint_auth_method": "client_secret_basic",
            "scope": endpoints.scope,
        }
        response = send(self._http, "POST", endpoints.registration, json=request)
        registered = json_object(response, "registration of this program")
        secret = SecretText(_ascii_text(registered.get("client_secret")))
        client_id = _ascii_text(registered.get("client_id"))
        auth = word_of(registered.get("token_endpoint_auth_method"))
        # A registration may contain more secrets: an error must not keep them in a local variable.
        del registered
        if not client_id:
            raise CredentialsError(
                f"{self.issuer} registered this program without a usable client_id"
            )
        self.client_id = client_id
        self.client_secret = secret or None
        self.client_auth = auth or ("client_secret_basic" if secret else "none")

    def request_code(self, endpoints: Endpoints) -> DeviceCode:
        """Request a code for a person.

        Raises:
            LoginRefusedError: If the provider refuses.
            CredentialsError: If the response cannot be used.
        """
        response = self._post(endpoints.device, scope=endpoints.scope, client_id=self.client_id)
        self._raise_if_refused(response)
        device = _device_code(response)
        if device is None:
            raise CredentialsError(f"{self.issuer} sent no code for a login")
        return device

    def request_tokens(self, endpoints: Endpoints, device: DeviceCode) -> StoredLogin:
        """Request the tokens of a login that a person may have confirmed.

        Raises:
            LoginRefusedError: If the person has not confirmed the login yet, or the login failed.
            CredentialsError: If the response cannot be used.
        """
        tokens = self._tokens(
            endpoints.token, grant_type=_DEVICE_GRANT, device_code=device.secret or ""
        )
        return StoredLogin(
            issuer=self.issuer,
            client_id=self.client_id,
            client_auth=self.client_auth,
            client_secret=self.client_secret,
            token_endpoint=endpoints.token,
            revocation_endpoint=endpoints.revocation,
            access_token=tokens.access_token,
            expires=tokens.expires,
            refresh_token=tokens.refresh_token,
            ends=tokens.ends,
        )

    def renew(self, login: StoredLogin) -> StoredLogin:
        """Exchange the refresh token for a new access token and, usually, a new refresh token.

        Raises:
            LoginRefusedError: If the provider refuses.
            CredentialsError: If the response cannot be used.
        """
        old = login.refresh_token or SecretText()
        tokens = self._tokens(login.token_endpoint, grant_type="refresh_token", refresh_token=old)
        refresh_token = tokens.refresh_token or old
        is_same_end = tokens.ends is None and refresh_token == old
        return attrs.evolve(
            login,
            access_token=tokens.access_token,
            obtained=time.time(),
            expires=tokens.expires,
            refresh_token=refresh_token,
            ends=login.ends if is_same_end else tokens.ends,
        )

    def revoke(self, login: StoredLogin) -> bool:
        """Revoke the tokens of a login; return whether the provider has revoked them.

        Raises:
            ConnectionFailedError: If the provider cannot be reached.
        """
        if login.revocation_endpoint is None:
            return False
        response = self._post(
            login.revocation_endpoint,
            token=login.refresh_token or login.access_token,
            token_type_hint="refresh_token" if login.refresh_token else "access_token",
        )
        return response.is_success

    def user_name(self, endpoints: Endpoints, login: StoredLogin) -> str | None:
        """Request the name of the user; return `None` if the provider does not state it."""
        if endpoints.userinfo is None:
            return None
        bearer = {"Authorization": SecretText(f"Bearer {login.access_token}")}
        try:
            response = send(
                self._http,
                "GET",
                endpoints.userinfo,
                headers=bearer,
                secrets=[login.access_token],
            )
            user = json_object(response, "user")
        except SkahaError:
            return None
        name = word_of(user.get("preferred_username")) or word_of(user.get("sub"))
        return one_line(name) or None

    def _tokens(self, url: str, **form: str) -> _Tokens:
        response = self._post(url, **form)
        self._raise_if_refused(response)
        tokens = _tokens_of(response)
        if tokens is None:
            raise CredentialsError(f"{self.issuer} sent no token that can be used")
        return tokens

    def _post(self, url: str, **form: str) -> httpx.Response:
        """Send a form with the authentication of this program."""
        auth = None
        if self.client_auth == "none":
            form["client_id"] = self.client_id
        elif self.client_auth == "client_secret_post":
            form |= {"client_id": self.client_id, "client_secret": self.client_secret or ""}
        elif self.client_auth == "client_secret_basic":
            auth = httpx.BasicAuth(self.client_id, self.client_secret or "")
        else:
            raise CredentialsError(
                f"{self.issuer} requires the authentication method "
                f"{one_line(self.client_auth)!r}, which is not supported"
            )
        secrets = [value for value in form.values() if isinstance(value, SecretText)]
        secrets.append(self.client_secret or SecretText())
        return send(self._http, "POST", url, secrets=secrets, data=form, auth=auth)

    def _raise_if_refused(self, response: httpx.Response) -> None:
        # Some providers send errors with a status of success.
        if code := (parsed_json(response) or {}).get("error"):
            message = f"{self.issuer} refuses: {server_message(response)}"
            raise LoginRefusedError(one_line(word_of(code)), message)
        if not response.is_success:
            raise CredentialsError(
                f"{self.issuer} refuses with status {response.status_code}: "
                f"{server_message(response)}"
            )


def _device_code(response: httpx.Response) -> DeviceCode | None:
    """Return the code of a response; `None` if there is no usable one."""
    values = parsed_json(response) or {}
    secret = SecretText(_ascii_text(values.get("device_code")))
    # Remove unprintable characters: these three texts are for a terminal.
    code, url, whole_url = (
        one_line(text) if isinstance(text := values.get(name), str) else ""
        for name in ("user_code", "verification_uri", "verification_uri_complete")
    )
    if not (secret and code and url):
        return None
    life = min(_lifetime(values.get("expires_in")) or _CODE_LIFE, _MAX_CODE_LIFE)
    return DeviceCode(
        code=code,
        url=url,
        whole_url=whole_url or None,
        expires=time.time() + life,
        interval=_lifetime(values.get("interval")) or _INTERVAL,
        secret=secret,
    )


def _tokens_of(response: httpx.Response) -> _Tokens | None:
    """Return the tokens of a response; `None` if they cannot be used."""
    values = parsed_json(response) or {}
    try:
        access = checked_token(values.get("access_token"))
    except InvalidInputError:
        return None
    refresh = SecretText(_ascii_text(values.get("refresh_token")))
    if values.get("refresh_token") and not refresh:
        return None
    now = time.time()
    life, refresh_life = (
        _lifetime(values.get("expires_in")),
        _lifetime(values.get("refresh_expires_in")),
    )
    return _Tokens(
        access_token=access,
        expires=now + life if life else _expiry(access) or now + _TOKEN_LIFE,
        refresh_token=refresh or None,
        ends=now + refresh_life if refresh_life else _expiry(refresh),
    )


def _ascii_text(value: object) -> str:
    """Return a printable ASCII text, as OAuth requires it; for any other value an empty text."""
    return value if isinstance(value, str) and _ASCII.fullmatch(value) else ""


def _secure_url(value: Any) -> str | None:
    """Return the URL of an optional endpoint; `None` if it cannot be used."""
    try:
        check_secure_url(value)
    except InvalidInputError:
        return None
    return str(value)


def _lifetime(value: Any) -> float | None:
    """Return a lifetime in seconds; `None` unless it is a positive, finite number."""
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def _expiry(token: str) -> float | None:
    expiry = token_expiry(token)
    return None if expiry is None else expiry.timestamp()
