"""The web application, for any ASGI server."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dotbridge.settings")

from django.conf import settings
from django.core.asgi import get_asgi_application

from dotbridge import postgres

if settings.CONFIG.database_url is None:
    postgres.ensure_running(settings.CONFIG.data_dir)

application = get_asgi_application()
