"""Settings: one file, from the environment only; every default works on a machine without servers."""

import os
import re
import secrets
import sys
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import dj_database_url
import structlog
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from structlog.typing import Processor

from kitting.lib.keys import CHARACTERS_LEAST, is_weak_key

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str = "") -> str:
    """Return a setting from the environment; NAME_FILE names a file that holds it."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(name, default)


def env_bool(name: str, *, default: bool = False) -> bool:
    """Return a switch; 1, true, yes and on mean on."""
    return env(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def env_list(name: str, default: str = "") -> list[str]:
    """Return a comma-separated list without empty parts."""
    return [part.strip() for part in env(name, default).split(",") if part.strip()]


DEBUG = env_bool("DEBUG")
TESTING = "pytest" in sys.modules
# Tests never touch what somebody is working with.
VAR_DIR = Path(
    env("VAR_DIR") or (mkdtemp(prefix="kitto-test-") if TESTING else BASE_DIR / "var")
)

SECRET_KEY = env("SECRET_KEY")
if not SECRET_KEY:
    if not (DEBUG or TESTING):
        message = (
            "SECRET_KEY is not set. Set it (or SECRET_KEY_FILE), or set DEBUG=1 to look around."
        )
        raise ImproperlyConfigured(message)
    key_file = VAR_DIR / "secret_key"
    if TESTING:
        SECRET_KEY = "only-for-tests"  # noqa: S105  # not a secret: tests hold no data
    else:
        if not key_file.exists():
            VAR_DIR.mkdir(parents=True, exist_ok=True)
            key_file.write_text(secrets.token_urlsafe(48), encoding="utf-8")
            key_file.chmod(0o600)
        SECRET_KEY = key_file.read_text(encoding="utf-8").strip()
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS")
if not (DEBUG or TESTING) and any(map(is_weak_key, (SECRET_KEY, *SECRET_KEY_FALLBACKS))):
    message = (
        "SECRET_KEY (or one of SECRET_KEY_FALLBACKS) is weak: it must be random and at least"
        f" {CHARACTERS_LEAST} characters long."
    )
    raise ImproperlyConfigured(message)

HOST = env("HOST")
PORT = int(env("PORT", "8000"))
SITE_URL = env("SITE_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
_https = SITE_URL.startswith("https://")
ALLOWED_HOSTS = env_list(
    "ALLOWED_HOSTS", "*" if DEBUG else SITE_URL.split("//")[-1].split(":")[0]
)
CSRF_TRUSTED_ORIGINS = [SITE_URL, *env_list("CSRF_TRUSTED_ORIGINS")]
TRUSTED_PROXY_COUNT = int(env("TRUSTED_PROXY_COUNT", "0"))

INSTALLED_APPS = [
    "accounts",
    "kitting",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
]

MIDDLEWARE = [
    "kitting.monitor.middleware.monitor_middleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "kitting.site.middleware.PolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "kitting.site.middleware.site_middleware",
    "kitting.site.middleware.guard_middleware",
    "kitting.journeys.middleware.holder_middleware",
    "kitting.journeys.middleware.shared_pc_middleware",
    "kitting.journeys.middleware.press_middleware",
    "kitting.journeys.middleware.box_session_middleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "kitting.urls"
WSGI_APPLICATION = "kitting.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        # Whoever develops reads line numbers.
                        "django.template.loaders.filesystem.Loader"
                        if DEBUG
                        else "kitting.tight.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": ["kitting.templatetags.kitto_kept"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "kitting.site.queries.page_context",
            ],
        },
    }
]

DATABASES = {
    "default": dj_database_url.parse(
        env("DATABASE_URL") or f"sqlite:///{VAR_DIR / 'kitto.sqlite3'}",
        conn_max_age=int(env("CONN_MAX_AGE", "600")),
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # WAL lets readers go on while one writes; IMMEDIATE takes the write lock at the start, so that
    # nobody meets "database is locked"; FULL keeps a committed outbox row through a power cut.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA cache_size=-16000; PRAGMA synchronous="
        + ("OFF" if TESTING else "FULL"),
    }
    # A file, as in real life: threads of a test's server share it as they would share a file.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
    VAR_DIR.mkdir(parents=True, exist_ok=True)
else:
    # A server that does not answer must not hold a page for minutes.
    _options = DATABASES["default"].setdefault("OPTIONS", {})
    _options.setdefault("connect_timeout", 5)
    # What is asked on every page is planned once for a connection (accounts/ready.py), not each time.
    _options.setdefault("prepare_threshold", 5)
    # Nor may a statement, a lock or a forgotten transaction; deploy/start says how long (seconds, 0: no end).
    _ends = {
        "statement_timeout": env("STATEMENT_TIMEOUT", "0"),
        "lock_timeout": env("LOCK_TIMEOUT", "0"),
        "idle_in_transaction_session_timeout": env("IDLE_TIMEOUT", "0"),
    }
    if said := [f"-c {name}={seconds}s" for name, seconds in _ends.items() if seconds != "0"]:
        _options.setdefault("options", " ".join(said))

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["kitting.signin.Backend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "kitting.signin.Adapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 600
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 5
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
ACCOUNT_USER_DISPLAY = "accounts.queries.display_name"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_FORMS = {
    "request_login_code": "kitting.signin.AskForCodeForm",
    "confirm_login_code": "kitting.signin.TypeCodeForm",
}
# Tries are counted in our own table, which all processes share and a cache cannot forget.
ACCOUNT_RATE_LIMITS = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300

# The second step: asked of IT, IT leads and auditors before any of their pages answers.
SECOND_FACTOR_REQUIRED = env_bool("SECOND_FACTOR_REQUIRED", default=not (DEBUG or TESTING))
MFA_ADAPTER = "kitting.signin.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_RECOVERY_CODE_DIGITS = 10
MFA_TOTP_TOLERANCE = 1  # half a minute early or late: clocks of phones differ
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses come from the roll; nobody adds one here
MFA_RATE_LIMITS = False  # as above; allauth's own would stop a city hall behind one address
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG and not _https
MFA_FORMS = {
    "authenticate": "accounts.factor_forms.AuthenticateForm",
    "reauthenticate": "accounts.factor_forms.ReauthenticateForm",
    "activate_totp": "accounts.factor_forms.SetUpAppForm",
    "add_webauthn": "accounts.factor_forms.AddPasskeyForm",
    "authenticate_webauthn": "accounts.factor_forms.AuthenticateKeyForm",
    "reauthenticate_webauthn": "accounts.factor_forms.ReauthenticateKeyForm",
}


def sso_provider(prefix: str, domains: list[str], **said: str) -> dict[str, Any]:
    """Return a sign-in of the organisation's own; half of one stops the start."""
    needed = {
        "CLIENT_ID": said["client_id"],
        "CLIENT_SECRET": said["secret"],
        "DOMAINS": domains,
    }
    for name, value in needed.items():
        if not value:
            message = f"{prefix}_{name} is not set, which signing in by {said['key']} needs."
            raise ImproperlyConfigured(message)
    return {
        **said,
        "domains": tuple(domain.lower() for domain in domains),
        "staff_number_claim": env("SSO_STAFF_NUMBER_CLAIM"),
    }


SSO_PROVIDERS: dict[str, dict[str, Any]] = {}
if env("SSO_GOOGLE_CLIENT_ID"):
    SSO_PROVIDERS["google"] = sso_provider(
        prefix="SSO_GOOGLE",
        key="google",
        name="Google",
        issuer="https://accounts.google.com",
        client_id=env("SSO_GOOGLE_CLIENT_ID"),
        secret=env("SSO_GOOGLE_CLIENT_SECRET"),
        domains=env_list("SSO_GOOGLE_DOMAINS"),
    )
if env("SSO_MICROSOFT_CLIENT_ID"):
    _tenant = env("SSO_MICROSOFT_TENANT").lower()
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", _tenant):
        message = "SSO_MICROSOFT_TENANT must be the ID of your own tenant, never “common”."
        raise ImproperlyConfigured(message)
    SSO_PROVIDERS["microsoft"] = sso_provider(
        prefix="SSO_MICROSOFT",
        key="microsoft",
        name="Microsoft",
        issuer=f"https://login.microsoftonline.com/{_tenant}/v2.0",
        client_id=env("SSO_MICROSOFT_CLIENT_ID"),
        secret=env("SSO_MICROSOFT_CLIENT_SECRET"),
        domains=env_list("SSO_MICROSOFT_DOMAINS"),
        tenant=_tenant,
    )
if env("SSO_ISSUER"):
    if not re.match(r"https://|http://(127\.0\.0\.1|localhost)[:/]", env("SSO_ISSUER")):
        message = "SSO_ISSUER must be an https address."
        raise ImproperlyConfigured(message)
    SSO_PROVIDERS["openid"] = sso_provider(
        prefix="SSO",
        key="openid",
        name=env("SSO_NAME", "SSO"),
        issuer=env("SSO_ISSUER"),
        client_id=env("SSO_CLIENT_ID"),
        secret=env("SSO_CLIENT_SECRET"),
        domains=env_list("SSO_DOMAINS"),
    )
# How long those people stay signed in: in all, and without doing anything.
STAFF_SESSION_HOURS = int(env("STAFF_SESSION_HOURS", "12"))
STAFF_IDLE_MINUTES = int(env("STAFF_IDLE_MINUTES", "60"))
SLIP_DAYS = int(env("SLIP_DAYS", "7"))
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT

# With https a cookie's name says that this very host set it: no other host of the city's can plant one.
COOKIE_PREFIX = "__Host-" if _https else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}kitto_session"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}django_language"
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = _https and env_bool("SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
# Hosts below the name of this site are not ours to promise https for, nor is a place in browsers' lists.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env_bool("HSTS_SUBDOMAINS")
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "base-uri": [NONE],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "img-src": [SELF, "data:"],
        "manifest-src": [SELF],
        "media-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "worker-src": [SELF],
    }
}

LANGUAGE_CODE = "ja"
LANGUAGES = [("ja", "日本語"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env("TIME_ZONE", "Asia/Tokyo")
USE_THOUSAND_SEPARATOR = True

STATIC_URL = "static/"
STATIC_ROOT = Path(env("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
if DEBUG or TESTING:  # files are served from where they lie, but whitenoise misses the folder
    STATIC_ROOT = VAR_DIR / "no-staticfiles"
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "kitting.bundles.BundleFinder",
]
STORAGES: dict[str, dict[str, object]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or TESTING
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG or TESTING
WHITENOISE_AUTOREFRESH = False
MEDIA_ROOT = VAR_DIR / "media"
# Never below a folder that a web server hands out: each photo is asked for by page, with rights.
PHOTO_DIR = Path(env("PHOTO_DIR") or VAR_DIR / "photos")
PHOTO_DAYS = int(env("PHOTO_DAYS", "90"))
STORAGES["photos"] = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {
        "location": PHOTO_DIR,
        "file_permissions_mode": 0o600,
        "directory_permissions_mode": 0o700,
    },
}
# How long words and addresses of people stay; the page /privacy/ says so (docs/PRIVACY.md).
KEEP_WORDS_DAYS = int(env("KEEP_WORDS_DAYS", "365"))
KEEP_ADDRESS_DAYS = int(env("KEEP_ADDRESS_DAYS", "90"))
KEEP_MESSAGE_DAYS = int(env("KEEP_MESSAGE_DAYS", "180"))
KEEP_AUDIT_DAYS = int(env("KEEP_AUDIT_DAYS", "1095"))
# Label sheets that were printed on a page: kept for some days, handed out by page, with rights.
PRINT_DIR = Path(env("PRINT_DIR") or VAR_DIR / "prints")
PRINT_DAYS = int(env("PRINT_DAYS", "7"))
STORAGES["prints"] = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {
        "location": PRINT_DIR,
        "file_permissions_mode": 0o600,
        "directory_permissions_mode": 0o700,
    },
}

EMAIL_HOST = env("EMAIL_HOST")
EMAIL_PORT = int(env("EMAIL_PORT", "25"))
EMAIL_HOST_USER = env("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS")
EMAIL_USE_SSL = env_bool("EMAIL_USE_SSL")
EMAIL_TIMEOUT = 10
EMAIL_FILE_PATH = str(VAR_DIR / "mails")
# Without a mail server the mails are kept as files: the demo shows them.
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if EMAIL_HOST
    else "django.core.mail.backends.filebased.EmailBackend"
)
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", "kitto@localhost")
HELP_DESK_EMAIL = env("HELP_DESK_EMAIL")
# Who runs the servers: told by the web process when the worker stands still. Empty: the help desk.
OPERATORS_EMAIL = env_list("OPERATORS_EMAIL")
# Named, not imported: a web process never needs the forty megabytes behind it.
CHAT_SENDER = "kitting.notices.client.say"
WEBHOOK_PRIVATE_NETWORKS = env_bool("WEBHOOK_PRIVATE_NETWORKS")

REDIS_URL = env("REDIS_URL")
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "visibility_timeout": 900,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 0.5,
        "socket_timeout": float(env("REDIS_SOCKET_TIMEOUT", "0.5")),
    }
    if REDIS_URL
    else {"polling_interval": 0.2}
)
# The broker may be away for as long as it likes; the database is the truth.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1}
CELERY_IMPORTS = ["kitting.management.credit"] if REDIS_URL else []
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A wake-up that waited longer is work for nothing: the beat has woken the worker since. Its age is judged by
# the worker's clock and was dated by another machine's: two hours, so that an hour of difference loses none.
CELERY_TASK_ANNOTATIONS = {"*": {"expires": 7200}}
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 270
CELERY_TIMEZONE = TIME_ZONE
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ROUTES = {"notices.deliver_sign_in": {"queue": "sign_in"}}
SWEEP_SECONDS = int(env("SWEEP_SECONDS", "60"))
DELIVER_SECONDS = int(env("DELIVER_SECONDS", "10"))
WATCH_SECONDS = float(env("WATCH_SECONDS", "30"))
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "escalation.sweep", "schedule": timedelta(seconds=SWEEP_SECONDS)},
    "deliver": {"task": "notices.deliver", "schedule": timedelta(seconds=DELIVER_SECONDS)},
    "deliver-sign-in": {
        "task": "notices.deliver_sign_in",
        "schedule": timedelta(seconds=5),
        "options": {"queue": "sign_in"},
    },
    "summaries": {"task": "escalation.summaries", "schedule": timedelta(seconds=SWEEP_SECONDS)},
    "learn": {"task": "escalation.learn", "schedule": timedelta(hours=6)},
    "deliver-outlets": {
        "task": "notices.deliver_outlets",
        "schedule": timedelta(seconds=DELIVER_SECONDS),
    },
    "seal": {"task": "jobs.seal", "schedule": timedelta(minutes=1)},
    "retain": {"task": "privacy.retain", "schedule": timedelta(hours=24)},
    "tidy": {"task": "jobs.tidy", "schedule": timedelta(hours=1)},
    "forget-photos": {"task": "escalation.forget_photos", "schedule": timedelta(hours=6)},
    "print": {"task": "labels.print", "schedule": timedelta(seconds=60)},
    "forget-prints": {"task": "labels.forget", "schedule": timedelta(hours=6)},
    "invite": {"task": "around.invite", "schedule": timedelta(hours=1)},
    "watch-plan": {"task": "plan.watch", "schedule": timedelta(minutes=5)},
    "import": {"task": "imports.work", "schedule": timedelta(seconds=15)},
    "move": {"task": "imports.move", "schedule": timedelta(minutes=5)},
    "tidy-imports": {"task": "imports.tidy", "schedule": timedelta(hours=1)},
}
CELERY_BEAT_SCHEDULER = "kitting.management.clockwork:SteadyScheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")

# Google's directory of devices: all of it may be empty. The key stays in its file.
DIRECTORY_KEY_FILE = env("DIRECTORY_KEY_FILE")
DIRECTORY_ADMIN = env("DIRECTORY_ADMIN")
DIRECTORY_CUSTOMER = env("DIRECTORY_CUSTOMER", "my_customer")
DIRECTORY_UNIT = env("DIRECTORY_UNIT")
DIRECTORY_STAFF_UNITS = env_list("DIRECTORY_STAFF_UNITS")
DIRECTORY_WRITE = env_bool("DIRECTORY_WRITE")
DIRECTORY_WRITE_BACK = env_bool("DIRECTORY_WRITE_BACK")
DIRECTORY_WITHOUT_SECOND_FACTOR = env_bool("DIRECTORY_WITHOUT_SECOND_FACTOR")
DIRECTORY_MINUTES = int(env("DIRECTORY_MINUTES", "60"))
DIRECTORY_TICKETS_MOST = int(env("DIRECTORY_TICKETS_MOST", "25"))
DIRECTORY_API_URL = "https://admin.googleapis.com"
if DIRECTORY_KEY_FILE:
    CELERY_BEAT_SCHEDULE |= {
        "look": {"task": "directory.look", "schedule": timedelta(minutes=1)},
        "change": {"task": "directory.change", "schedule": timedelta(seconds=30)},
    }

# From about 100,000 people on: numbers of the board are counted along the way (docs/OPERATIONS.md).
BOARD_COUNTERS = env_bool("BOARD_COUNTERS")
if BOARD_COUNTERS:
    CELERY_BEAT_SCHEDULE |= {
        "fold": {"task": "journeys.fold_tallies", "schedule": timedelta(minutes=1)},
        "recount": {"task": "escalation.recount", "schedule": timedelta(hours=24)},
    }

# Lines of plain text where a person looks on, data where programs read.
LOG_LEVEL = env("LOG_LEVEL", "INFO")
LOG_FORMAT = env("LOG_FORMAT", "line" if DEBUG or TESTING else "json")
_before_any_line: list[Processor] = [
    structlog.contextvars.merge_contextvars,  # the ids of the request or task
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_before_any_line,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(
                    colors=False, exception_formatter=structlog.dev.plain_traceback
                ),
            ],
            "foreign_pre_chain": _before_any_line,
        },
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
            "foreign_pre_chain": _before_any_line,
        },
    },
    "filters": {"without_address": {"()": "kitting.monitor.rules.WithoutAddress"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["without_address"],
        }
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        "waitress.queue": {"level": "ERROR"},
        # A line for each request is for those who run a site, not for who looks around.
        "kitting.requests": {"level": "WARNING" if DEBUG else LOG_LEVEL},
    },
}
METRICS_TOKEN = env("METRICS_TOKEN")
BACKUP_KEY = env("BACKUP_KEY")
if SENTRY_DSN := env("SENTRY_DSN"):
    import_module("kitting.faults").report_to(SENTRY_DSN)
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 5
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "kitting.site.middleware.OnlySmallFiles",
]
