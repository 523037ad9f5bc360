"""OpenID Connect: what is asked of a provider, and what its answers mean."""

from __future__ import annotations

import math
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import attrs
import httpx
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client

from skaha.auth._http import ask, check_safe, json_of, open_client, shown, words_of
from skaha.auth._jwt import token_expiry
from skaha.auth._secret import SecretText
from skaha.auth._store import Entry
from skaha.errors import CredentialsError, SkahaError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["DeviceCode", "Endpoints", "OpenIDProvider", "RefusedError"]

_WELL_KNOWN = ".well-known/openid-configuration"
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_SCOPES = ("openid", "profile", "email", "offline_access")
# What is assumed where a provider does not say, in seconds.
_LIFE, _INTERVAL, _CODE_LIFE = 300, 5, 600


class RefusedError(CredentialsError):
    """The provider refuses; `code` is its word for why."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the message."""
        super().__init__(message)
        self.code = code


@attrs.frozen
class Endpoints:
    """Where a provider answers what. `None` is what it does not do."""

    token: str
    device: str
    registration: str | None
    revocation: str | None
    userinfo: str | None
    scope: str


@attrs.frozen
class DeviceCode:
    """What a person has to be told, to log in with any browser.

    Attributes:
        code: What the person enters.
        url: Where.
        whole_url: An address that holds the code, too; `None` if the provider has none.
        expires: When the code expires, in seconds since 1970.
        interval: Seconds between two questions whether the person is done.
        secret: What the tokens are asked for with; nothing for a person.

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


class OpenIDProvider:
    """One provider, and who this program is to it."""

    def __init__(
        self,
        issuer: str,
        timeout: float,
        *,
        client_id: str = "",
        client_secret: SecretText | None = None,
        client_auth: str | None = None,
    ) -> None:
        """Take what is known; ask nothing."""
        check_safe(issuer, "the provider")
        self.issuer = issuer
        self.client_id = client_id
        self.client_secret = client_secret
        self.client_auth = client_auth or ("client_secret_basic" if client_secret else "none")
        self._http = open_client(issuer, timeout)

    @classmethod
    def of(cls, entry: Entry, timeout: float) -> OpenIDProvider:
        """Return the provider of a login."""
        return cls(
            entry.issuer,
            timeout,
            client_id=entry.client_id,
            client_secret=entry.client_secret,
            client_auth=entry.client_auth,
        )

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def endpoints(self) -> Endpoints:
        """Ask where it answers what.

        Raises:
            CredentialsError: If it does not say, or says that it is another one.
        """
        url = f"{self.issuer.rstrip('/')}/{_WELL_KNOWN}"
        found = json_of(ask(self._http, "GET", url), "description of OpenID Connect")
        if str(found.get("issuer", "")).rstrip("/") != self.issuer.rstrip("/"):
            raise CredentialsError(f"{url} describes another provider, {found.get('issuer')!r}")
        for name in ("token_endpoint", "device_authorization_endpoint"):
            if not isinstance(found.get(name), str):
                raise CredentialsError(f"{self.issuer} has no {name}: it knows no login by device")
        known = found.get("scopes_supported") or _SCOPES
        return Endpoints(
            token=found["token_endpoint"],
            device=found["device_authorization_endpoint"],
            registration=found.get("registration_endpoint"),
            revocation=found.get("revocation_endpoint"),
            userinfo=found.get("userinfo_endpoint"),
            scope=" ".join(one for one in _SCOPES if one in known),
        )

    def register(self, endpoints: Endpoints) -> None:
        """Make this program known to the provider.

        Raises:
            CredentialsError: If it does not take programs that it does not know.
        """
        if endpoints.registration is None:
            raise CredentialsError(f"{self.issuer} registers no programs: give a client_id")
        wanted = {
            "client_name": "skaha for Python",
            "grant_types": [_DEVICE_GRANT, "refresh_token"],
            "response_types": ["token"],
            "token_endpoint_auth_method": "client_secret_basic",
            "scope": endpoints.scope,
        }
        found = json_of(
            ask(self._http, "POST", endpoints.registration, json=wanted), "place for this program"
        )
        if not isinstance(found.get("client_id"), str):
            raise CredentialsError(f"{self.issuer} registered this program without a client_id")
        self.client_id = found["client_id"]
        secret = found.get("client_secret")
        self.client_secret = SecretText(secret) if secret else None
        usual = "client_secret_basic" if secret else "none"
        self.client_auth = found.get("token_endpoint_auth_method") or usual

    def begin(self, endpoints: Endpoints) -> DeviceCode:
        """Ask for a code that a person enters.

        Raises:
            RefusedError: If it gives none.
        """
        form = {"client_id": self.client_id, "scope": endpoints.scope}
        answer: httpx.Response = self._authenticated(
            lambda client: self.post(
                endpoints.device, form, _FORM, client.client_auth(self.client_auth)
            )
        )
        if not answer.is_success:
            raise RefusedError(_code_in(answer), f"{self.issuer} refuses: {words_of(answer)}")
        device = _device(answer)
        if device is None:
            raise CredentialsError(f"{self.issuer} gives no code for a login")
        return device

    def poll(self, endpoints: Endpoints, device: DeviceCode) -> Entry:
        """Ask whether the person is done.

        Raises:
            RefusedError: If not yet, or no more.
        """
        token = self._tokens(
            lambda client: client.fetch_token(
                endpoints.token, grant_type=_DEVICE_GRANT, device_code=device.secret
            )
        )
        return self._entry(endpoints, token)

    def renew(self, entry: Entry) -> Entry:
        """Trade the refresh token for a new access token, and mostly a new refresh token.

        Raises:
            RefusedError: If the provider refuses.
        """
        token = self._tokens(
            lambda client: client.refresh_token(
                entry.token_endpoint, refresh_token=entry.refresh_token
            )
        )
        refresh = token.get("refresh_token") or entry.refresh_token
        ends = _ends(token)
        return attrs.evolve(
            entry,
            access_token=token["access_token"],
            obtained=time.time(),
            expires=_expires(token),
            refresh_token=refresh,
            ends=entry.ends if ends is None and refresh == entry.refresh_token else ends,
        )

    def revoke(self, entry: Entry) -> bool:
        """Have the provider forget a login; say whether it did.

        Raises:
            ConnectionFailedError: If it cannot be reached.
        """
        if entry.revocation_endpoint is None:
            return False
        hint = "refresh_token" if entry.refresh_token else "access_token"
        answer = self._authenticated(
            lambda client: client.revoke_token(  # type: ignore[no-untyped-call]
                entry.revocation_endpoint,
                token=entry.refresh_token or entry.access_token,
                token_type_hint=hint,
            )
        )
        return isinstance(answer, httpx.Response) and answer.is_success

    def user(self, endpoints: Endpoints, entry: Entry) -> str | None:
        """Ask who it is that has logged in; `None` if the provider does not tell."""
        if endpoints.userinfo is None:
            return None
        bearer = {"Authorization": SecretText(f"Bearer {entry.access_token}")}
        try:
            found = json_of(ask(self._http, "GET", endpoints.userinfo, headers=bearer), "user")
        except SkahaError:
            return None
        name = found.get("preferred_username") or found.get("sub")
        return shown(str(name)) if name else None

    def _entry(self, endpoints: Endpoints, token: Mapping[str, Any]) -> Entry:
        return Entry(
            issuer=self.issuer,
            client_id=self.client_id,
            client_auth=self.client_auth,
            client_secret=self.client_secret,
            token_endpoint=endpoints.token,
            revocation_endpoint=endpoints.revocation,
            access_token=token["access_token"],
            expires=_expires(token),
            refresh_token=token.get("refresh_token"),
            ends=_ends(token),
        )

    def _tokens(self, call: Callable[[OAuth2Client], Any]) -> dict[str, Any]:
        outcome = self._authenticated(call)
        if isinstance(outcome, OAuth2Error):
            raise self._refused(outcome.error, outcome.description)
        if not isinstance(outcome, dict) or not _are_usable(outcome):
            raise CredentialsError(f"{self.issuer} gives no token in its answer")
        return outcome

    def _authenticated(self, call: Callable[[OAuth2Client], Any]) -> Any:
        """Return what a call of the library returns, or its error; ours are raised from here.

        Frames of the library hold what is secret, so no error keeps them.
        """
        client = OAuth2Client(
            self,
            client_id=self.client_id,
            client_secret=self.client_secret,
            token_endpoint_auth_method=self.client_auth,
            revocation_endpoint_auth_method=self.client_auth,
        )
        problem: Exception
        try:
            return call(client)
        except OAuth2Error as error:
            return error
        except SkahaError as error:
            problem = error.with_traceback(None)
        except (httpx.HTTPStatusError, ValueError, TypeError, KeyError):
            problem = CredentialsError(f"{self.issuer} gives no token in its answer")
        problem.__context__ = None
        raise problem

    def post(self, url: str, data: Any, headers: Any, auth: Any, **_: Any) -> httpx.Response:
        """Send a form for the library, with the proof of who this program is."""
        url, headers, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return ask(self._http, "POST", url, headers=headers, content=body)

    def _refused(self, code: object, description: object) -> RefusedError:
        words = ": ".join(shown(str(one)) for one in (code, description) if one)
        return RefusedError(str(code), f"{self.issuer} refuses: {words}")


def _are_usable(token: Mapping[str, Any]) -> bool:
    """Say whether tokens can be kept, and sent: a header takes visible ASCII only."""
    access, refresh = token.get("access_token"), token.get("refresh_token")
    fits = isinstance(access, str) and bool(re.fullmatch(r"[!-~]+", access))
    return fits and isinstance(refresh, str | None)


def _code_in(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, TypeError, KeyError):
        return ""


def _device(answer: httpx.Response) -> DeviceCode | None:
    try:
        found = answer.json()
        whole = found.get("verification_uri_complete")
        return DeviceCode(
            # A terminal is going to show these.
            code=shown(found["user_code"]),
            url=shown(found["verification_uri"]),
            whole_url=shown(whole) if whole else None,
            expires=time.time() + _seconds(found.get("expires_in"), _CODE_LIFE),
            interval=_seconds(found.get("interval"), _INTERVAL),
            secret=SecretText(found["device_code"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _seconds(said: Any, usual: float) -> float:
    """Return what a provider says, or what is usual if that is no time to wait for."""
    seconds = usual if said is None else float(said)
    return seconds if math.isfinite(seconds) and seconds > 0 else usual


def _expires(token: Mapping[str, Any]) -> float:
    """Return when an access token expires."""
    if isinstance(at := token.get("expires_at"), int):
        return at
    return _moment(token["access_token"]) or time.time() + _LIFE


def _ends(token: Mapping[str, Any]) -> float | None:
    """Return when a refresh token expires, if anybody says so."""
    if isinstance(seconds := token.get("refresh_expires_in"), int | float) and seconds > 0:
        return time.time() + seconds
    return _moment(token.get("refresh_token") or "")


def _moment(token: str) -> float | None:
    moment = token_expiry(token)
    return None if moment is None else moment.timestamp()
