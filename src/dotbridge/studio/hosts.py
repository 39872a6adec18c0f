"""Where the web application of an account is: by its region, or at the domain that the vendor has given it."""

from __future__ import annotations

from urllib.parse import urlsplit

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
