"""A project of somebody else's: Django's plain admin, a user model of its own, and no setting of the theme."""

import os

from dotbridge.settings import *  # noqa: F403
from dotbridge.settings import DATABASES
from dotbridge.settings import INSTALLED_APPS as OURS
from dotbridge.settings import MIDDLEWARE as OUR_MIDDLEWARE

del UNFOLD  # noqa: F821 - it came with the star

THEME = ("unfold", "dotbridge.crm")
INSTALLED_APPS = [
    "tests.backoffice.host",
    *(app for app in OURS if app not in THEME),
    "unfold.apps.BasicAppConfig",
]
MIDDLEWARE = [*OUR_MIDDLEWARE, "dotbridge.audit.acting.audited_requests"]
AUTH_USER_MODEL = "host.Person"
ROOT_URLCONF = "tests.backoffice.host.urls"
LOGIN_URL = "/own-log-in/"
DATABASES["default"]["TEST"] = {"NAME": f"test_dotbridge_{os.getpid()}"}
