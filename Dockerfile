# One image for every role of surefill: `docker build -t surefill .`, then `docker run surefill api`, `worker`, ...
FROM python:3.11.15-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# A virtual environment without pip: what is copied into the last stage can run surefill, and nothing else.
RUN python -m venv --without-pip /opt/surefill
COPY requirements.lock requirements-dev.lock ./
RUN pip --python /opt/surefill/bin/python install -r requirements.lock \
 && pip install --constraint requirements-dev.lock hatchling
# .dockerignore lets through what the wheel is made of.
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && pip --python /opt/surefill/bin/python install --no-deps /wheels/surefill-*.whl \
 && /opt/surefill/bin/surefill --help > /dev/null


FROM python:3.11.15-slim-bookworm

LABEL org.opencontainers.image.title="surefill" \
      org.opencontainers.image.description="Trading signals, each filled exactly once or told why not"
# The user's number stands in deploy/init.sh too.
RUN groupadd --system --gid 10001 surefill \
 && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/surefill \
            --shell /usr/sbin/nologin surefill \
 && install -d -o surefill -g surefill -m 0700 /var/lib/surefill /var/lib/exchange /var/lib/exchange-key
COPY --from=build /opt/surefill /opt/surefill

ENV PATH=/opt/surefill/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A .env in this folder is read by every command.
WORKDIR /var/lib/surefill
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["surefill"]
CMD ["--help"]
