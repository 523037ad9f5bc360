"""Servers of the two login protocols on the loopback."""

from __future__ import annotations

import base64
import itertools
import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import trustme
from scripted import Received, Response, ScriptedServer, json_response

if TYPE_CHECKING:
    from collections.abc import Callable

USER, PASSWORD = "vrubin", "canary-password-51"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def error_response(status: int, error: str, description: str = "") -> Response:
    body = json.dumps({"error": error, "error_description": description})
    return Response(status, body, "application/json")


def basic_credentials(received: Received) -> tuple[str, str]:
    """Return the user and the password of a request."""
    scheme, _, encoded = received.headers.get("authorization", "").partition(" ")
    user, _, password = base64.b64decode(encoded).decode().partition(":")
    return (user, password) if scheme == "Basic" else ("", "")


def server_side(authority: trustme.CA) -> ssl.SSLContext:
    """Return the TLS context of a server that asks clients for a certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


class CertificateService(ScriptedServer):
    """A service that sends a certificate and its key to one user, as CADC does."""

    def __init__(self, authority: trustme.CA | None = None) -> None:
        super().__init__(authority and server_side(authority))
        self.url = self.url.replace("/skaha", "/cred/auth/priv")
        self.authority = authority or trustme.CA()
        self.pem: Callable[[float], str] = self.issue
        self.respond = self._send_certificate

    def issue(self, days: float, *, key: bool = True) -> str:
        until = datetime.now(UTC) + timedelta(days=days)
        since = min(datetime.now(UTC), until) - timedelta(hours=1)
        leaf = self.authority.issue_cert(f"{USER}@example.org", not_before=since, not_after=until)
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        return (chain + (leaf.private_key_pem.bytes() if key else b"")).decode()

    def _send_certificate(self, received: Received) -> Response:
        if basic_credentials(received) != (USER, PASSWORD):
            return Response(401, "invalid username/password combination\n")
        return Response(200, self.pem(float(received.query["daysValid"][0])), "application/x-pem")


@dataclass
class Code:
    """The code of a login that a person has to confirm."""

    user_code: str
    expires: float
    verdict: str = "authorization_pending"


@dataclass
class Family:
    """The tokens of one login. The use of an old refresh token revokes all of them."""

    refresh_token: str
    alive: bool = True
    access_tokens: list[str] = field(default_factory=list)


class IdentityProvider(ScriptedServer):
    """A provider of OpenID Connect: registration, device flow, renewal and revocation.

    Attributes:
        life: Lifetime of an access token in seconds.
        refresh_life: Lifetime of a refresh token in seconds; `None` if it is not stated.
        interval: Stated interval between two requests in seconds.
        code_life: Lifetime of a code in seconds.
        registers: Whether the provider registers unknown programs.
        client_auth: Method by which programs authenticate.
        rotates: Whether each renewal returns a new refresh token.
        fixed: If set, each login gets this access token, for example the token of a platform.
        slow_downs: Number of `slow_down` responses before other responses.
        may_renew: Renewals wait for this event before they are processed.
        description: Fields that replace those of the document about the provider.
        renewal_requested: Is set when a renewal arrives.
        is_unreachable: Whether requests are lost.
        request_lost: Is set when a request is lost.
    """

    def __init__(self) -> None:
        super().__init__()
        self.issuer = self.url.replace("/skaha", "/")
        self.life: float = 3600
        self.refresh_life: float | None = None
        self.interval: float = 0.01
        self.code_life: float = 600
        self.registers = self.rotates = True
        self.client_auth = "client_secret_basic"
        self.fixed: str | None = None
        self.slow_downs = 0
        self.clients: dict[str, str] = {}
        self.codes: dict[str, Code] = {}
        self.families: list[Family] = []
        self.description: dict[str, Any] = {}
        self.may_renew, self.renewal_requested, self.request_lost = (
            threading.Event() for _ in range(3)
        )
        self.may_renew.set()
        self.is_unreachable = False
        self.respond = self._respond
        self._numbers = itertools.count(1)

    def count(self, path: str, **form: str) -> int:
        """Return the number of requests with this path and form."""
        return sum(
            request.path == path
            and all(request.form.get(key) == [value] for key, value in form.items())
            for request in self.received
        )

    @property
    def renewals(self) -> int:
        return self.count("/token", grant_type="refresh_token")

    def decide(self, user_code: str, verdict: str = "yes") -> None:
        """Confirm or deny a code, as a person in a browser does."""
        for code in self.codes.values():
            if code.user_code == user_code:
                code.verdict = verdict

    def _new(self, kind: str) -> str:
        return f"canary-{kind}-{next(self._numbers)}"

    def _respond(self, received: Received) -> Response | None:
        if received.path == "/token" and received.form.get("grant_type") == ["refresh_token"]:
            self.renewal_requested.set()
            self.may_renew.wait()
        if self.is_unreachable:
            self.request_lost.set()
            return None
        with self._lock:
            name = received.path.strip("/").replace(".well-known/", "").replace("-", "_")
            response: Response = getattr(self, f"_on_{name}", self._on_nothing)(received)
        return response

    def _on_nothing(self, _: Received) -> Response:
        return Response(404, "nothing here")

    def _on_openid_configuration(self, _: Received) -> Response:
        here = self.issuer.rstrip("/")
        description = {
            "issuer": self.issuer,
            "token_endpoint": f"{here}/token",
            "device_authorization_endpoint": f"{here}/devicecode",
            "registration_endpoint": f"{here}/register",
            "revocation_endpoint": f"{here}/revoke",
            "userinfo_endpoint": f"{here}/userinfo",
            "scopes_supported": ["openid", "profile", "offline_access"],
        }
        return json_response(description | self.description)

    def _on_register(self, received: Received) -> Response:
        # The parser of forms reads the JSON body as one key.
        [body] = received.form
        registration = json.loads(body)
        if not self.registers or DEVICE_GRANT not in registration["grant_types"]:
            return error_response(403, "access_denied", "no more programs")
        name, secret = f"client-{next(self._numbers)}", self._new("secret")
        registered = {"client_id": name, "token_endpoint_auth_method": self.client_auth}
        if self.client_auth == "none":
            secret = ""
        else:
            registered["client_secret"] = secret
        self.clients[name] = secret
        return json_response(registered)

    def _is_known(self, received: Received) -> bool:
        if self.client_auth == "client_secret_basic":
            name, secret = basic_credentials(received)
        else:
            # A parameter that is sent twice is refused.
            [name] = received.form.get("client_id", [""])
            [secret] = received.form.get("client_secret", [""])
        return bool(name) and self.clients.get(name) == secret

    def _on_devicecode(self, received: Received) -> Response:
        if not self._is_known(received) or received.form["client_id"][0] not in self.clients:
            return error_response(401, "invalid_client", "who is that?")
        code = Code(f"WDJB-{next(self._numbers):04}", time.time() + self.code_life)
        secret = self._new("device")
        self.codes[secret] = code
        page = f"{self.issuer}device"
        return json_response(
            {
                "device_code": secret,
                "user_code": code.user_code,
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={code.user_code}",
                "expires_in": self.code_life,
                "interval": self.interval,
            }
        )

    def _on_token(self, received: Received) -> Response:
        if not self._is_known(received):
            return error_response(401, "invalid_client", "who is that?")
        form = {key: values[0] for key, values in received.form.items()}
        if form["grant_type"] == DEVICE_GRANT:
            return self._first_tokens(self.codes[form["device_code"]])
        return self._next_tokens(form["refresh_token"])

    def _first_tokens(self, code: Code) -> Response:
        if time.time() > code.expires:
            return error_response(400, "expired_token", "too late")
        if self.slow_downs:
            self.slow_downs -= 1
            return error_response(400, "slow_down")
        if code.verdict != "yes":
            return error_response(400, code.verdict, "says the person")
        family = Family("")
        self.families.append(family)
        return self._tokens(family, self._new("refresh"))

    def _next_tokens(self, refresh_token: str) -> Response:
        for family in self.families:
            if family.alive and family.refresh_token == refresh_token:
                new = self._new("refresh") if self.rotates else refresh_token
                return self._tokens(family, new)
            # An old refresh token is a sign of theft.
            family.alive = False
        return error_response(400, "invalid_grant", "this refresh token is of no use")

    def _tokens(self, family: Family, refresh_token: str) -> Response:
        is_new = refresh_token != family.refresh_token
        family.refresh_token = refresh_token
        access = self.fixed or self._new("access")
        family.access_tokens.append(access)
        tokens = {"access_token": access, "token_type": "Bearer", "expires_in": self.life}
        if is_new:
            tokens["refresh_token"] = refresh_token
        if self.refresh_life is not None:
            tokens["refresh_expires_in"] = self.refresh_life
        return json_response(tokens)

    def _on_revoke(self, received: Received) -> Response:
        if not self._is_known(received):
            return error_response(401, "invalid_client")
        for family in self.families:
            if received.form["token"][0] in (family.refresh_token, *family.access_tokens):
                family.alive = False
        return Response(200)

    def _on_userinfo(self, received: Received) -> Response:
        token = received.headers.get("authorization", "").removeprefix("Bearer ")
        if not any(family.alive and token in family.access_tokens for family in self.families):
            return error_response(401, "invalid_token")
        return json_response({"sub": "4711", "preferred_username": USER})
