"""A Dotdigital account on your own machine: a server that clients of Dotdigital's API accept, with state that lasts."""

from dotdigital_sandbox.server import Sandbox

__all__ = ["Sandbox"]
