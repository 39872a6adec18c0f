"""The account, the integration and the people of the other tests of faults."""

from tests.faults.test_kill import link
from tests.sync.conftest import integration, protocol, remote, sandbox

__all__ = ["integration", "link", "protocol", "remote", "sandbox"]
