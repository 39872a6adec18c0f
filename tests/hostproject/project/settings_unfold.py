"""The same shop, whose admin has django-unfold's look."""

from project.settings import *  # noqa: F403
from project.settings import INSTALLED_APPS

INSTALLED_APPS = ["unfold", *(name for name in INSTALLED_APPS if name != "unfold.apps.BasicAppConfig")]
UNFOLD = {"SITE_TITLE": "Own shop office", "SITE_HEADER": "Own shop office"}
