"""The same account as the tests of the sync have."""

from tests.sync.conftest import integration, remote, sandbox

__all__ = ["integration", "remote", "sandbox"]
