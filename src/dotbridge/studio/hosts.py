"""Where the web application of an account is: by its region, or at the domain that the vendor has given it."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from dotbridge.conf import app_settings
from dotbridge.integrations.models import Integration


def application_of_region(integration: Integration) -> str:
    """The origin of the application, without a slash: ``https://r1-api.dotdigital.com`` has it at ``r1-app``.

    As the vendor's own extensions work it out (contract §1.4); an address that names no API, such as a sandbox's, is
    its own.
    """
    parts = urlsplit(integration.endpoint or integration.base_url)
    name, dot, rest = parts.netloc.partition(".")
    label = f"{name[: -len('-api')]}-app" if name.endswith("-api") else "app" if name == "api" else name
    return f"{parts.scheme}://{label}{dot}{rest}"


def application_of(integration: Integration) -> str:
    """The same, or the account's own domain where it has one."""
    sign_on = getattr(integration, "sign_on", None)
    return (sign_on.domain if sign_on else "") or application_of_region(integration)


def checked_domain(text: str) -> str:
    """A custom domain as an origin, with https; empty stays empty.

    The client's secret and the person's tokens go there. Raises ValidationError for anything but the name of a host,
    unless the operator has allowed the origin by name.
    """
    text = text.strip().rstrip("/")
    if not text:
        return ""
    if "://" not in text:
        text = f"https://{text}"
    if text in app_settings().api_origins:
        return text
    scheme, _slashes, host = text.partition("://")
    # Whatever else an address may hold, a port, a user, a path, is no part of the name of a host.
    if scheme.lower() != "https" or not _is_public_name(host):
        raise ValidationError(_("Give the address of a host with https, such as https://mail.example.com."))
    return f"https://{host.lower()}"


def may_return_to(uri: str) -> bool:
    """Whether a code may be sent to this address: with https, or on this machine."""
    parts = urlsplit(uri)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host is the machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_public_name(host: str) -> bool:
    """A name with a dot, of letters, digits and hyphens: no number of a machine, no name of our own network."""
    labels = host.split(".")
    is_name = len(host) < 254 and len(labels) > 1 and not labels[-1].isdecimal()
    return (
        is_name
        and not is_loopback(host)
        and all(0 < len(label) < 64 and label.isascii() and label.replace("-", "").isalnum() for label in labels)
    )
