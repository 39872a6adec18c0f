"""The web application, for any WSGI server."""

from __future__ import annotations

import gc
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dotbridge.settings")

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from dotbridge import embedded

embedded.bring_up(stand_by=True)

application: Any = get_wsgi_application()

# What is loaded by now stays as long as the process: the collector need not go through all of it for a page that makes
# much anew, which takes a tenth of a second.
get_resolver().url_patterns  # noqa: B018 - loads all pages
gc.collect()
gc.freeze()
