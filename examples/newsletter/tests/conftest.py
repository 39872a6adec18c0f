"""The client under test, connected to an account that is new for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from newsletter import Newsletter

from dotdigital import Account, Retry
from dotdigital_sandbox.trial_account import DotdigitalAccount


@pytest.fixture
def newsletter(dotdigital_account: DotdigitalAccount) -> Iterator[Newsletter]:
    """The newsletter on the account of this test."""
    sandbox = dotdigital_account
    options = {"allowed_origins": [sandbox.url], "retry": Retry(tries=2, base=0.01)}
    with Account(sandbox.user, sandbox.password, sandbox.url, **options) as account:
        account.connect()
        yield Newsletter(account)
