"""Django's settings, made from `dotbridge.config`. Importing this module starts nothing."""

from __future__ import annotations

import sys

import environ

from dotbridge import APPS, logs
from dotbridge.backoffice.appearance import HOST_ADMIN
from dotbridge.config import read_config

_CONFIG = read_config()
DOTBRIDGE = _CONFIG.apps

DEBUG = _CONFIG.debug
SECRET_KEY, *SECRET_KEY_FALLBACKS = _CONFIG.secret_keys
ALLOWED_HOSTS = [*_CONFIG.allowed_hosts]
CSRF_TRUSTED_ORIGINS = [*_CONFIG.trusted_origins]

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
    *APPS,
    "dotbridge.crm",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "dotbridge.urls"
WSGI_APPLICATION = "dotbridge.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": (
        environ.Env.db_url_config(_CONFIG.database_url)
        if _CONFIG.database_url
        else {"ENGINE": "dotbridge.embedded", "DATA_DIR": str(_CONFIG.data_dir)}
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en-gb"
TIME_ZONE = _CONFIG.time_zone
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
# Served from the packages themselves, so that neither a first run nor an upgrade needs a collecting step.
WHITENOISE_USE_FINDERS = True

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _CONFIG.trusted_origins else None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = bool(_CONFIG.trusted_origins)
X_FRAME_OPTIONS = "SAMEORIGIN"

# How the example CRM's own admin looks.
UNFOLD = HOST_ADMIN

LOGIN_URL = "dotbridge:login"
LOGIN_REDIRECT_URL = "dotbridge:home"

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "no_module_holds_tasks_but_jobs"

LOGGING = logs.django_logging(to_terminal=sys.stderr.isatty())
