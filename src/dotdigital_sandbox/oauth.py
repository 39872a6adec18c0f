"""Single sign-on into the web application: log-in and consent, tokens, and the page they open (contract §1.4).

None of it is good for the API, which takes Basic authentication only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from datetime import timedelta
from html import escape
from http import HTTPStatus
from importlib import resources
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from dotdigital_sandbox.address_books import count_sql
from dotdigital_sandbox.calls import Answer, Call, json_answer
from dotdigital_sandbox.dates import text_of
from dotdigital_sandbox.routing import UNLIMITED, Route

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

DEFAULT_CLIENT = "sandbox-client"
DEFAULT_SECRET = "sandbox-secret"  # noqa: S105 - the published client of an account on one's own machine
CODE_SECONDS = 300
_ASKED = ("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method")
_STYLE = "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors *"


def register_client(db: Connection, account: Account, *, client_id: str, secret: str, redirect_uris: list[str]) -> None:
    """Register an OAuth client; without redirect URIs it may return to any."""
    db.execute("DELETE FROM thing WHERE kind = 'oauth-client' AND name = ?", (client_id,))
    _keep(db, account, "oauth-client", client_id, {"secret": secret, "redirect_uris": redirect_uris})


def _keep(db: Connection, account: Account, kind: str, name: str, body: dict[str, Any]) -> None:
    db.execute(
        "INSERT INTO thing (kind, name, body, created) VALUES (?, ?, ?, ?)",
        (kind, name, json.dumps(body), account.clock.text()),
    )


def _find(db: Connection, kind: str, name: str) -> dict[str, Any] | None:
    row = db.execute("SELECT body FROM thing WHERE kind = ? AND name = ?", (kind, name)).fetchone()
    return json.loads(row["body"]) if row else None


def _client(db: Connection, client_id: str) -> dict[str, Any] | None:
    known = _find(db, "oauth-client", client_id)
    if known is None and client_id == DEFAULT_CLIENT:
        return {"secret": DEFAULT_SECRET, "redirect_uris": []}
    return known


def _allows(client: dict[str, Any], uri: str) -> bool:
    # It becomes a header: nothing in it may be more than a header can hold.
    if not (uri.isascii() and uri.isprintable()) or " " in uri:
        return False
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    well_formed = parts.scheme in ("http", "https") and bool(parts.netloc) and not parts.fragment
    return well_formed and (not client["redirect_uris"] or uri in client["redirect_uris"])


def _page(title: str, body: str, *, status: int = HTTPStatus.OK) -> Answer:
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="/OAuth2/app.css"></head><body><main>{body}</main></body></html>'
    )
    headers = {"Content-Security-Policy": _STYLE, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Answer(status, html.encode(), "text/html; charset=utf-8", headers)


def _problem(text: str, *, status: int = HTTPStatus.BAD_REQUEST) -> Answer:
    return _page("Not possible", f"<h1>That is not possible</h1><p>{escape(text)}</p>", status=status)


def stylesheet(_call: Call) -> Answer:
    """GET /OAuth2/app.css."""
    content = resources.files("dotdigital_sandbox").joinpath("page", "app.css").read_bytes()
    return Answer(content=content, media_type="text/css; charset=utf-8")


def _asked(fields: dict[str, str], db: Connection) -> tuple[dict[str, str], str | None]:
    """The request of the authorise page, and what is wrong with it."""
    wanted = {name: fields.get(name, "") for name in _ASKED}
    client = _client(db, wanted["client_id"])
    if client is None:
        return wanted, "The application is not known to this account."
    if not _allows(client, wanted["redirect_uri"]):
        return wanted, "The application may not return to that address."
    return wanted, None


def _form(wanted: dict[str, str], note: str = "") -> Answer:
    hidden = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in wanted.items())
    warning = f'<p class="bad" role="alert">{escape(note)}</p>' if note else ""
    return _page(
        "Log in",
        f"<h1>Log in to the Dotdigital sandbox</h1>{warning}<p><b>{escape(wanted['client_id'])}</b> asks to open "
        "your account. It will see what you see.</p>"
        f'<form method="post" action="/OAuth2/authorise.aspx">{hidden}'
        '<label>User name <input name="username" autocomplete="username" required></label>'
        '<label>Password <input name="password" type="password" autocomplete="current-password" required></label>'
        '<div class="row"><button name="decision" value="allow">Log in and allow</button>'
        '<button name="decision" value="deny" formnovalidate class="plain">Deny</button></div></form>',
    )


def authorise(call: Call) -> Answer:
    """GET /OAuth2/authorise.aspx: the page a person logs in and consents on."""
    with call.account.store.reading() as db:
        wanted, problem = _asked({name: values[-1] for name, values in call.query.items()}, db)
    if problem:
        return _problem(problem)
    if wanted["response_type"].lower() != "code":
        return _back(wanted, error="unsupported_response_type")
    return _form(wanted)


def decide(call: Call) -> Answer:
    """POST /OAuth2/authorise.aspx: the person's decision; back to the application with a code, or an error."""
    fields = _fields(call)
    with call.account.store.writing() as db:
        wanted, problem = _asked(fields, db)
        if problem:
            return _problem(problem)
        if fields.get("decision") != "allow":
            return _back(wanted, error="access_denied")
        if not _is_user(db, fields.get("username", ""), fields.get("password", "")):
            return _form(wanted, "The user name or the password is wrong.")
        method = wanted["code_challenge_method"] or "plain"
        if wanted["code_challenge"] and method not in ("S256", "plain"):
            return _back(wanted, error="invalid_request")
        code = secrets.token_urlsafe(24)
        until = text_of(call.account.clock.now() + timedelta(seconds=CODE_SECONDS))
        _keep(
            db,
            call.account,
            "oauth-code",
            code,
            {
                "client_id": wanted["client_id"],
                "redirect_uri": wanted["redirect_uri"],
                "until": until,
                "challenge": wanted["code_challenge"],
                "method": method,
            },
        )
    return _back(wanted, code=code)


def _is_user(db: Connection, name: str, password: str) -> bool:
    row = db.execute("SELECT password FROM api_user WHERE name = ? AND NOT disabled", (name,)).fetchone()
    return row is not None and hmac.compare_digest(row["password"].encode(), password.encode())


def _back(wanted: dict[str, str], **result: str) -> Answer:
    uri = wanted["redirect_uri"]
    state = {"state": wanted["state"]} if wanted["state"] else {}
    location = f"{uri}{'&' if urlsplit(uri).query else '?'}{urlencode({**result, **state})}"
    headers = {"Location": location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Answer(HTTPStatus.FOUND, media_type=None, headers=headers)


def _fields(call: Call) -> dict[str, str]:
    return dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))


def _token_error(error: str, description: str) -> Answer:
    return json_answer({"error": error, "error_description": description}, status=HTTPStatus.BAD_REQUEST)


def tokens(call: Call) -> Answer:
    """POST /OAuth2/Tokens.ashx: a code, or a refresh token, for an access token."""
    fields = _fields(call)
    with call.account.store.writing() as db:
        client = _client(db, fields.get("client_id", ""))
        if client is None or not hmac.compare_digest(
            client["secret"].encode(), fields.get("client_secret", "").encode()
        ):
            return _token_error("invalid_client", "The client id or the client secret is wrong.")
        grant = fields.get("grant_type", "")
        if grant == "authorization_code":
            return _by_code(db, call.account, fields)
        if grant == "refresh_token":
            return _by_refresh(db, call.account, fields)
    return _token_error("unsupported_grant_type", "Use authorization_code or refresh_token.")


def _by_code(db: Connection, account: Account, fields: dict[str, str]) -> Answer:
    code = fields.get("code", "")
    known = _find(db, "oauth-code", code)
    db.execute("DELETE FROM thing WHERE kind = 'oauth-code' AND name = ?", (code,))
    right = known and (known["client_id"], known["redirect_uri"]) == (
        fields["client_id"],
        fields.get("redirect_uri", ""),
    )
    if not known or not right or known["until"] < account.clock.text() or not _verifies(known, fields):
        return _token_error("invalid_grant", "The code is wrong, was used already, or is too old.")
    refresh = secrets.token_urlsafe(32)
    _keep(db, account, "oauth-refresh", refresh, {"client_id": fields["client_id"]})
    return _granted(db, account, refresh)


def _verifies(known: dict[str, Any], fields: dict[str, str]) -> bool:
    """Whether who brings the code is who asked for it, where they gave a challenge then (RFC 7636)."""
    challenge, verifier = known.get("challenge", ""), fields.get("code_verifier", "")
    if not challenge:
        return True
    if known["method"] == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(verifier.encode(), challenge.encode())


def _by_refresh(db: Connection, account: Account, fields: dict[str, str]) -> Answer:
    refresh = fields.get("refresh_token", "")
    known = _find(db, "oauth-refresh", refresh)
    if known is None or known["client_id"] != fields["client_id"]:
        return _token_error("invalid_grant", "The refresh token is not valid.")
    if account.switches.rotate_refresh_tokens:
        db.execute("DELETE FROM thing WHERE kind = 'oauth-refresh' AND name = ?", (refresh,))
        refresh = secrets.token_urlsafe(32)
        _keep(db, account, "oauth-refresh", refresh, {"client_id": fields["client_id"]})
    return _granted(db, account, refresh)


def _granted(db: Connection, account: Account, refresh: str) -> Answer:
    access, seconds = secrets.token_urlsafe(32), account.switches.token_seconds
    until = text_of(account.clock.now() + timedelta(seconds=seconds))
    _keep(db, account, "oauth-access", access, {"until": until})
    granted = {"access_token": access, "token_type": "Bearer", "expires_in": seconds, "refresh_token": refresh}
    answer = json_answer(granted)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def landing(call: Call) -> Answer:
    """GET /?oauthtoken=: a small dashboard of the account for who has a valid token."""
    token = call.text("oauthtoken")
    if not token:
        return _page(
            "Dotdigital sandbox",
            '<h1>Dotdigital sandbox</h1><p>The account\'s page is <a href="/_sandbox/">here</a>.</p>',
        )
    with call.account.store.reading() as db:
        known = _find(db, "oauth-access", token)
        if known is None or known["until"] < call.account.clock.text():
            return _problem("Your session has ended. Open the page anew.", status=HTTPStatus.UNAUTHORIZED)
        books = db.execute(
            f"SELECT b.name, {count_sql(call.account.switches)} AS contacts FROM address_book b "
            "WHERE b.kind = 'book' AND b.listed ORDER BY b.id LIMIT 20"
        ).fetchall()
        sent = db.execute("SELECT name, sent_date FROM campaign ORDER BY sent_date DESC LIMIT 5").fetchall()
    rows = "".join(f"<tr><td>{escape(row['name'])}</td><td>{row['contacts']}</td></tr>" for row in books)
    campaigns = "".join(
        f"<li>{escape(row['name'])} <small>{row['sent_date'] or 'not sent'}</small></li>" for row in sent
    )
    footer = "" if call.text("suppressfooter").lower() == "true" else "<footer>Dotdigital sandbox</footer>"
    return _page(
        "Your account",
        f"<h1>Your account</h1><h2>Address books</h2><table><thead><tr><th>Name</th><th>Contacts</th></tr></thead>"
        f"<tbody>{rows}</tbody></table><h2>Latest campaigns</h2><ul>{campaigns or '<li>None yet</li>'}</ul>{footer}",
    )


ROUTES = [
    Route("GET", "/", landing, UNLIMITED),
    Route("GET", "/OAuth2/app.css", stylesheet, UNLIMITED),
    Route("GET", "/OAuth2/authorise.aspx", authorise, UNLIMITED),
    Route("POST", "/OAuth2/authorise.aspx", decide, UNLIMITED),
    Route("POST", "/OAuth2/Tokens.ashx", tokens, UNLIMITED),
]
