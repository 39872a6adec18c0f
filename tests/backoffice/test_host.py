"""The back office in somebody else's project: one include under a prefix, beside Django's plain admin."""

from __future__ import annotations

import os
import subprocess
import sys


def test_the_back_office_stands_beside_a_plain_admin(transactional_db: None) -> None:
    """It registers nothing there and changes no setting; a user model of the host's own may log in."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.backoffice.host.settings"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.backoffice.host.walk"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
