"""The web application, for any WSGI server."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dotbridge.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from dotbridge import postgres

if settings.CONFIG.database_url is None:
    postgres.ensure_running(settings.CONFIG.data_dir)
    postgres.stand_by(settings.CONFIG.data_dir)

application: Any = get_wsgi_application()
