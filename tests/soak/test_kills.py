"""`kill -9` before and after each commit of a run: nothing is lost, nothing left in between, and no consent raised.

A few commits by default; `make soak` kills two hundred times, by both versions of the API.
"""

from __future__ import annotations

import os
import signal

import pytest

from dotbridge.connections.models import ListConnection
from dotbridge.integrations.models import Integration, ProtocolChoice
from tests.accounts import RemoteAccount, sync
from tests.faults.test_kill import assert_as_undisturbed, run_killed

IS_FULL = os.environ.get("DOTBRIDGE_SOAK") == "full"
KILLS = 100 if IS_FULL else 4
# The run of these tests commits at least so often, by either version: a kill that is never reached fails. The stride
# spreads the first kills over the run, and as it shares no factor with the number, every commit's turn comes.
COMMITS, STRIDE = 20, 7
COMMIT = "django.db.backends.base.base:BaseDatabaseWrapper.commit"


@pytest.mark.soak
@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.parametrize("protocol", [ProtocolChoice.V2, ProtocolChoice.V3])
def test_a_run_killed_at_a_commit_is_made_good_by_the_next(
    integration: Integration, remote: RemoteAccount, link: ListConnection, number: int
) -> None:
    nth = 1 + number // 2 * STRIDE % COMMITS
    moment = "before" if number % 2 else "after"
    code = run_killed(integration, remote.sandbox.url, COMMIT, moment, nth)
    assert code == -signal.SIGKILL, f"the run never came to commit {nth}"
    remote.sandbox.finish_imports()
    runs = [sync(integration) for _number in range(2)]

    assert_as_undisturbed(remote, link, runs[-1])
