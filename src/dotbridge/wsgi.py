"""The web application, for any WSGI server."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dotbridge.settings")

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from dotbridge import embedded
from dotbridge.processes import keep_what_is_loaded

embedded.bring_up(stand_by=True)

application: Any = get_wsgi_application()

get_resolver().url_patterns  # noqa: B018 - loads all pages
keep_what_is_loaded()
