"""The account, the integration and the people of the other tests of faults."""

import pytest

from tests.faults.test_kill import link
from tests.sync.conftest import integration, protocol, remote, sandbox

# A walk is not found again: what was compared has to be in its failure.
pytest.register_assert_rewrite("tests.soak.world")

__all__ = ["integration", "link", "protocol", "remote", "sandbox"]
