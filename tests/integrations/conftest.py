"""The same account and integration as the sync's tests have."""

from tests.sync.conftest import integration, remote, sandbox

__all__ = ["integration", "remote", "sandbox"]
