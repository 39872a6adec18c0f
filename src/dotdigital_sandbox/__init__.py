"""A Dotdigital account on your own machine: a server that clients of Dotdigital's API accept, with state that lasts."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dotdigital_sandbox.server import Sandbox

__all__ = ["Sandbox"]


def __getattr__(name: str) -> Any:
    # The pytest plugin is looked at wherever this is installed, also where the server's own needs are not.
    if name == "Sandbox":
        return import_module("dotdigital_sandbox.server").Sandbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
