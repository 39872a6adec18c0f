"""The same account as the tests of the sync have."""

from tests.sync.conftest import integration, protocol, remote, sandbox

__all__ = ["integration", "protocol", "remote", "sandbox"]
