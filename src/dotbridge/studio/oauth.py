"""The vendor's side of a single sign-on: the page that a person allows it on, and tokens (contract §1.4).

authlib makes and reads the messages; they travel over the HTTP client that the rest of the product uses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx2
from authlib.oauth2 import OAuth2Client, OAuth2Error
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotdigital.bounds import Bounds, TooManyBytes, bounded

# A person waits for it, and so does a web worker.
MOST_SECONDS = 5.0
MOST_BYTES = 65_536
LONGEST_TOKEN = 4096
AUTHORISE, TOKENS = "/OAuth2/authorise.aspx", "/OAuth2/Tokens.ashx"
SCOPE = "Account"

# What each error of the protocol means to a person (RFC 6749 §4.1.2.1 and §5.2).
_WORDS = {
    "access_denied": gettext_lazy("You did not allow it, so nothing was connected."),
    "invalid_client": gettext_lazy("Dotdigital does not know the client id, or its secret is wrong."),
    "invalid_grant": gettext_lazy("Dotdigital does not take the permission any more. Connect again."),
    "invalid_request": gettext_lazy("Dotdigital did not understand the request."),
    "invalid_scope": gettext_lazy("Dotdigital does not allow this client to open accounts."),
    "unauthorized_client": gettext_lazy("Dotdigital does not allow this client to sign people on."),
    "unsupported_response_type": gettext_lazy("Dotdigital does not allow this client to sign people on."),
    "unsupported_grant_type": gettext_lazy("Dotdigital does not allow this client to sign people on."),
    "server_error": gettext_lazy("Dotdigital had an error of its own. Try again later."),
    "temporarily_unavailable": gettext_lazy("Dotdigital is busy. Try again later."),
}


class SignOnFailed(Exception):
    """It did not work. `text` is for people; `is_refused`: the permission itself is not taken any more."""

    def __init__(self, text: str, *, is_refused: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.is_refused = is_refused


@dataclass(frozen=True, kw_only=True, repr=False)
class Client:
    """Who we are to the vendor, and where its application is."""

    origin: str
    client_id: str
    secret: str
    redirect_uri: str = ""


@dataclass(frozen=True, kw_only=True, repr=False)
class Tokens:
    """What the vendor gave: the access token opens the application for some hours, the refresh token gets the next.

    `refresh` is empty where the one that was used stays good.
    """

    access: str
    refresh: str


def words_of(error: object) -> str:
    """An error of the protocol for people. What the vendor invents beyond it is not repeated: anybody can write it."""
    known = _WORDS.get(str(error))
    return str(known) if known else _("Dotdigital refused it, and does not say why in a way we know.")


def authorise_url(client: Client, *, state: str, verifier: str) -> str:
    """The address of the page that the person allows it on. A server that does not know PKCE passes it over."""
    oauth = _oauth(client, None)
    page = f"{client.origin}{AUTHORISE}"
    url, _state = oauth.create_authorization_url(page, state=state, code_verifier=verifier, scope=SCOPE)
    return str(url)


def exchange_code(client: Client, *, code: str, verifier: str) -> Tokens:
    """The tokens for a code that the person came back with. Raises SignOnFailed, also when no refresh token came."""
    asked = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
    tokens = _ask(client, lambda oauth, url: oauth.fetch_token(url, redirect_uri=client.redirect_uri, **asked))
    if not tokens.refresh:
        raise SignOnFailed(_("Dotdigital gave no permission that lasts. Connect again."))
    return tokens


def refresh(client: Client, *, refresh_token: str) -> Tokens:
    """An access token, and the refresh token that takes the place of this one, if any. Raises SignOnFailed."""
    return _ask(client, lambda oauth, url: oauth.refresh_token(url, refresh_token=refresh_token))


def _oauth(client: Client, session: _Session | None) -> Any:
    return OAuth2Client(
        session,
        client_id=client.client_id,
        client_secret=client.secret,
        token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the name of a method
        redirect_uri=client.redirect_uri,
        code_challenge_method="S256",
    )


def _ask(client: Client, call: Any) -> Tokens:
    # The whole of it within the time, whatever arrives: a time-out alone begins anew with each byte.
    bounds = Bounds(seconds=MOST_SECONDS, most_bytes=MOST_BYTES)
    try:
        with bounds.applied(), _http() as http:
            given = call(_oauth(client, _Session(http)), f"{client.origin}{TOKENS}")
    except OAuth2Error as error:
        raise SignOnFailed(words_of(error.error), is_refused=error.error == "invalid_grant") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, TooManyBytes):
        raise SignOnFailed(_("Dotdigital did not answer as it should. Try again in a moment.")) from None
    except (TypeError, ValueError):
        raise SignOnFailed(_("Dotdigital's answer could not be read. Try again in a moment.")) from None
    access, refreshed = given.get("access_token"), given.get("refresh_token", "")
    if not _is_token(access) or not (refreshed in ("", None) or _is_token(refreshed)):
        raise SignOnFailed(_("Dotdigital's answer could not be read. Try again in a moment."))
    return Tokens(access=access, refresh=refreshed or "")


def _http() -> httpx2.Client:
    transport = bounded(httpx2.HTTPTransport())
    return httpx2.Client(transport=transport, follow_redirects=False, timeout=httpx2.Timeout(3.0, connect=2.0))


def _is_token(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TOKEN and value.isascii() and value.isprintable()


class _Session:
    """The little that authlib asks of an HTTP client, over ours: within a time and a size, and without redirects."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> _Answer:
        """Send a form with the client's own credentials in it."""
        uri, sent, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        content = bytearray()
        with self._http.stream("POST", uri, content=body, headers=sent) as response:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > MOST_BYTES:
                    raise TooManyBytes
        return _Answer(response, bytes(content))


class _Answer:
    """An answer that was read to its end."""

    def __init__(self, response: httpx2.Response, content: bytes) -> None:
        self._response = response
        self._content = content
        self.status_code = response.status_code

    def json(self) -> Any:
        """What the body says. Raises ValueError."""
        return json.loads(self._content)

    def raise_for_status(self) -> None:
        """Raise for everything but success."""
        self._response.raise_for_status()
