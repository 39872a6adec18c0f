"""A shop's own settings: Django's plain admin, its own user model, its own PostgreSQL, its own apps."""

import os
from pathlib import Path

import dotbridge

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "a key of the shop's own, which is long enough"
DEBUG = False
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "people",
    "shop",
    "lists",
    "sync",
    "crm",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "procrastinate.contrib.django",
    *dotbridge.APPS,
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "project.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        **{name: os.environ[f"SHOP_DATABASE_{name}"] for name in ("NAME", "HOST", "PORT", "USER", "PASSWORD")},
    }
}
AUTH_USER_MODEL = "people.Colleague"
LOGIN_URL = "/own-log-in/"
STATIC_URL = "static/"
USE_TZ = True
# As in a project that began long ago.
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
TIME_ZONE = "Europe/London"
DOTBRIDGE = {"API_ORIGINS": os.environ.get("SHOP_API_ORIGINS", "").split(","), "KEEP_RUNS_DAYS": 30}
