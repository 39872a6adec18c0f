"""The web application, for any WSGI server."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dotbridge.settings")

from django.core.wsgi import get_wsgi_application

from dotbridge import embedded

embedded.bring_up(stand_by=True)

application: Any = get_wsgi_application()
