"""Settings of a NEMO that serves one test; its data folder comes from `NEMO_FOLDER`."""

import os
from pathlib import Path

FOLDER = Path(os.environ["NEMO_FOLDER"])

SECRET_KEY = "for-one-test-on-the-loopback-interface"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "NEMO.urls"
WSGI_APPLICATION = "NEMO.wsgi.application"
AUTH_USER_MODEL = "NEMO.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "landing"

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(FOLDER / "sqlite.db")},
}
MEDIA_ROOT = str(FOLDER / "media")
MEDIA_URL = "/media/"
STATIC_URL = "/static/"

ALLOW_CONDITIONAL_URLS = True

USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
USE_I18N = False
DATETIME_FORMAT = "Y-m-d H:i"
SHORT_DATETIME_FORMAT = "Y-m-d H:i"
DATE_FORMAT = "Y-m-d"
SHORT_DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i"
DATETIME_INPUT_FORMATS = ["%Y-%m-%d %H:%M"]
DATE_INPUT_FORMATS = ["%Y-%m-%d"]
TIME_INPUT_FORMATS = ["%H:%M"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.admin",
    "django.contrib.humanize",
    "NEMO",
    "NEMO.apps.kiosk",
    "NEMO.apps.area_access",
    "NEMO_sensors",
    "rest_framework",
    "rest_framework.authtoken",
    "django_filters",
    "mptt",
    "auditlog",
]
MIGRATION_MODULES = (
    {}
    if os.environ.get("NEMO_MIGRATES")
    else dict.fromkeys(
        [
            "NEMO",
            "sensors",
            "kiosk",
            "area_access",
            "admin",
            "auditlog",
            "auth",
            "authtoken",
            "contenttypes",
            "sessions",
        ]
    )
)
"""By default no application has migrations: Django makes the tables of the models as they are now
(see `install.py`)."""
MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "NEMO.middleware.DeviceDetectionMiddleware",
    "NEMO.middleware.NEMOAuditlogMiddleware",
    "NEMO.middleware.ImpersonateMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.contrib.auth.context_processors.auth",
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ("NEMO.permissions.DjangoModelPermissions",),
    "DEFAULT_FILTER_BACKENDS": ("NEMO.rest_filter_backend.NEMOFilterBackend",),
    "DEFAULT_AUTHENTICATION_CLASSES": ("rest_framework.authentication.TokenAuthentication",),
    "DEFAULT_RENDERER_CLASSES": ("rest_framework.renderers.JSONRenderer",),
    "DEFAULT_PAGINATION_CLASS": "NEMO.rest_pagination.NEMOPageNumberPagination",
    "PAGE_SIZE": 1000,
}

EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
EMAIL_USE_DEFAULT_AND_REPLY_TO = False
SERVER_EMAIL = "nobody@localhost"
ADMINS: list[str] = []
MANAGERS: list[str] = []
LOGGING_CONFIG = None
SILENCED_SYSTEM_CHECKS = ["security.W004"]
