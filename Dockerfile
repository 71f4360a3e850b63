# Kitto as an image: built in one stage, run as nobody in another, with a root that may be read-only.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN python -m venv .venv
COPY requirements.txt ./
RUN .venv/bin/pip install --require-hashes --only-binary :all: -r requirements.txt
COPY . .
# The key is needed to start and by nothing that collects files; it is not kept.
RUN SECRET_KEY=only-to-collect-the-static-files-of-this-image-nothing-else \
    SITE_URL=https://localhost .venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && .venv/bin/python -m compileall -q accounts kitting

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Kitto" \
      org.opencontainers.image.description="Employees set up their own Chromebooks, and nobody is left stuck." \
      org.opencontainers.image.licenses="MIT"
# Backups are made by PostgreSQL's own client, in whatever version Debian's security updates have.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 kitto \
    && useradd --uid 10001 --gid kitto --no-create-home --home-dir /data --shell /usr/sbin/nologin kitto \
    && install -d -o kitto -g kitto /data /guide
WORKDIR /app
COPY --from=build /app /app
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 VAR_DIR=/data BIND=0.0.0.0:8000 \
    STATIC_READY=1
# kitto, by number: a cluster that forbids root cannot look a name up.
USER 10001
VOLUME ["/data"]
EXPOSE 8000
# Asks with the host of SITE_URL, as every probe must.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD [".venv/bin/python", "deploy/probe.py"]
ENTRYPOINT ["deploy/start"]
CMD ["web"]
