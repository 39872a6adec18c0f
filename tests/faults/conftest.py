"""The same account and integration as the sync's tests have."""

from tests.sync.conftest import integration, protocol, remote, sandbox

__all__ = ["integration", "protocol", "remote", "sandbox"]
