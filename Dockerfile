# One image per tier: `docker build --target voice .` No BuildKit-only syntax, so that any engine builds it.
#
# The lock files hold for Python 3.11 and newer; 3.11 is what every test ran on. Release builds name both bases by digest:
# --build-arg BASE=python:3.11-slim-trixie@sha256:…
ARG BASE=python:3.11-slim-trixie
ARG EDGE_BASE=caddy:2.11.4-alpine

FROM ${BASE} AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/app/.venv/bin:$PATH
WORKDIR /app

# Only wheels: an image that would need a compiler fails here.
FROM base AS build
COPY requirements/installer.txt /installer.txt
RUN python -m venv /opt/installer \
    && /opt/installer/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /installer.txt \
    && python -m venv --without-pip /app/.venv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=/app/.venv

FROM build AS build-gateway
COPY requirements/gateway.txt /requirements.txt
RUN /opt/installer/bin/uv pip sync --require-hashes --only-binary :all: /requirements.txt
COPY shared shared
COPY services/__init__.py services/__init__.py
COPY services/gateway services/gateway
RUN python -m compileall -q shared services

FROM build AS build-voice
COPY requirements/voice.txt /requirements.txt
RUN /opt/installer/bin/uv pip sync --require-hashes --only-binary :all: /requirements.txt
COPY shared shared
COPY services/__init__.py services/__init__.py
COPY services/voice services/voice
RUN python -m compileall -q shared services

# The graph of the vectors is built here: at run time the root file system cannot be written.
FROM build AS build-knowledge
COPY requirements/knowledge.txt /requirements.txt
RUN /opt/installer/bin/uv pip sync --require-hashes --only-binary :all: /requirements.txt
COPY shared shared
COPY services/__init__.py services/__init__.py
COPY services/knowledge services/knowledge
RUN python -m compileall -q shared services \
    && python -c "from pathlib import Path; from services.knowledge.adapters.minilm import graph_in; graph_in(Path('models'))"

FROM build AS build-ticketing
COPY requirements/ticketing.txt /requirements.txt
RUN /opt/installer/bin/uv pip sync --require-hashes --only-binary :all: /requirements.txt
COPY shared shared
COPY services/__init__.py services/__init__.py
COPY services/ticketing services/ticketing
RUN python -m compileall -q shared services

# Workers do the work of knowledge and ticketing, so they carry those two rooms.
FROM build AS build-workers
COPY requirements/workers.txt /requirements.txt
RUN /opt/installer/bin/uv pip sync --require-hashes --only-binary :all: /requirements.txt
COPY shared shared
COPY services/__init__.py services/__init__.py
COPY services/knowledge services/knowledge
COPY services/ticketing services/ticketing
COPY services/workers services/workers
RUN python -m compileall -q shared services \
    && python -c "from pathlib import Path; from services.knowledge.adapters.minilm import graph_in; graph_in(Path('models'))"

# A numeric user can be checked without reading the image; /data belongs to it, so that a fresh volume does, too.
FROM base AS runtime
RUN groupadd --gid 10001 app \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin app \
    && mkdir /data && chown 10001:10001 /data
ENV HOME=/tmp LISTEN_HOST=0.0.0.0 LISTEN_PORT=8000
USER 10001:10001
STOPSIGNAL SIGTERM
EXPOSE 8000
ARG REVISION=unknown
ARG VERSION=0.0.0
LABEL org.opencontainers.image.title=callwright org.opencontainers.image.revision=${REVISION} org.opencontainers.image.version=${VERSION}

# The gateway's image also migrates the database: `python -m shared.database.migrate`.
FROM runtime AS gateway
COPY --from=build-gateway /app /app
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-m", "shared.observability.probe", "http://127.0.0.1:8000/health/live"]
CMD ["python", "-m", "services.gateway"]

FROM runtime AS voice
COPY --from=build-voice /app /app
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-m", "shared.observability.probe", "http://127.0.0.1:8000/health/live"]
CMD ["python", "-m", "services.voice"]

# The knowledge image also is the vector store's: its lock pins the server (`chroma run`).
FROM runtime AS knowledge
ENV KNOWLEDGE_MODEL_DIR=/app/models
COPY --from=build-knowledge /app /app
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-m", "shared.observability.probe", "http://127.0.0.1:8000/health/live"]
CMD ["python", "-m", "services.knowledge"]

FROM runtime AS ticketing
COPY --from=build-ticketing /app /app
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-m", "shared.observability.probe", "http://127.0.0.1:8000/health/live"]
CMD ["python", "-m", "services.ticketing"]

# Says what it can be; whoever runs it names the program, and the check that fits it.
FROM runtime AS workers
ENV KNOWLEDGE_MODEL_DIR=/app/models
COPY --from=build-workers /app /app
HEALTHCHECK NONE
CMD ["python", "-m", "services.workers", "--help"]

# The way in of one server (docker-compose.yml). A copy of the program has no file capabilities, which an engine that
# drops all capabilities would refuse to execute.
FROM ${EDGE_BASE} AS edge
RUN cp /usr/bin/caddy /usr/local/bin/caddy && mkdir /var/lib/caddy && chown 10001:10001 /var/lib/caddy
COPY deploy/Caddyfile /etc/caddy/Caddyfile
ENV HOME=/tmp XDG_CONFIG_HOME=/tmp XDG_DATA_HOME=/var/lib
USER 10001:10001
EXPOSE 8080 8443
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["wget", "--quiet", "--output-document=/dev/null", "http://127.0.0.1:8082/"]
CMD ["/usr/local/bin/caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
