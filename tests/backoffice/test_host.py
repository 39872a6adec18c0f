"""The back office in somebody else's project: one include under a prefix, beside Django's plain admin."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.db import connections
from django.urls import URLPattern, URLResolver

from dotbridge.backoffice import urls


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


def views_of(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[Any]:
    for each in patterns:
        yield from views_of(each.url_patterns) if isinstance(each, URLResolver) else [each.callback]


def test_no_page_works_inside_a_transaction_that_a_host_has_around_each_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    views = list(views_of(urls.urlpatterns))
    assert len(views) > 200
    assert [view for view in views if BaseHandler().make_view_atomic(view) is not view] == []
