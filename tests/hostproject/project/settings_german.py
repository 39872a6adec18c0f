"""The same shop, whose pages speak German."""

from project.settings import *  # noqa: F403

LANGUAGE_CODE = "de"
