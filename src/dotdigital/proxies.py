"""The proxy that the environment names, as other programs of the machine use it."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.request import getproxies_environment, proxy_bypass

import httpx2


def proxy_of_environment(origin: str) -> str | None:
    """Answers the proxy for an origin by ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, if any.

    This machine itself is never asked for through a proxy: another one's would not be it.
    """
    url = httpx2.URL(origin)
    proxies = getproxies_environment()
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or _is_here(url.host) or proxy_bypass(url.netloc.decode("ascii")):
        return None
    return named if "://" in named else f"http://{named}"


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
