"""Django's settings, made from `dotbridge.config`. Importing this module starts nothing."""

from __future__ import annotations

import sys
from datetime import timedelta

import environ

from dotbridge import APPS, logs
from dotbridge.backoffice.appearance import HOST_ADMIN
from dotbridge.config import read_config
from dotbridge.database_url import database_settings

_CONFIG = read_config()
DOTBRIDGE = _CONFIG.apps

DEBUG = _CONFIG.debug
SECRET_KEY, *SECRET_KEY_FALLBACKS = _CONFIG.secret_keys
ALLOWED_HOSTS = [*_CONFIG.allowed_hosts]
CSRF_TRUSTED_ORIGINS = [*_CONFIG.trusted_origins]

INSTALLED_APPS = [
    "axes",
    "unfold",
    "unfold.contrib.filters",
    # Of words that Django's admin has as well, those of the first app are taken: ours, which are the same on all pages.
    *APPS,
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
    "dotbridge.crm",
]

MIDDLEWARE = [
    "dotbridge.backoffice.pages.security.theme_policy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # It adds a length of its own to each answer, so that nobody learns a secret of a page from how well it compresses.
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "dotbridge.backoffice.personal.personal_pages",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
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
        database_settings(_CONFIG.database_url)
        if _CONFIG.database_url
        else {"ENGINE": "dotbridge.embedded", "DATA_DIR": str(_CONFIG.data_dir)}
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
# Wrong passwords are counted by account and by address, each for itself: so neither one account can be tried from many
# places, nor many accounts from one. An address, which a whole office may share, has ten times as many tries.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_RESET_ON_SUCCESS = True
AXES_HANDLER = "dotbridge.backoffice.log_ins.OwnAttempts"
# Whoever goes on trying does not keep the owner out for ever.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ACCESS_FAILURE_LOG = True
AXES_LOCKOUT_CALLABLE = "dotbridge.backoffice.log_ins.refuse_locked_out"
# Our own table pages show it, and our own log says it.
AXES_ENABLE_ADMIN = AXES_VERBOSE = False

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Without a server for mails nothing is mailed, and the back office says so.
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
if _CONFIG.email_url:
    vars().update(environ.Env.email_url_config(_CONFIG.email_url))
EMAIL_TIMEOUT = 20
if _CONFIG.email_from:
    DEFAULT_FROM_EMAIL = _CONFIG.email_from

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch"), ("fr", "Français")]
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
IS_HTTPS = bool(_CONFIG.trusted_origins) and all(origin.startswith("https://") for origin in _CONFIG.trusted_origins)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
X_FRAME_OPTIONS = "DENY"

# How the example CRM's own admin looks.
UNFOLD = HOST_ADMIN

LOGIN_URL = "dotbridge:login"
CSRF_FAILURE_VIEW = "dotbridge.backoffice.pages.typed.refused_token"
LOGIN_REDIRECT_URL = "dotbridge:home"

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "no_module_holds_tasks_but_jobs"

LOGGING = logs.django_logging(to_terminal=sys.stderr.isatty())
