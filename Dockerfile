# syntax=docker/dockerfile:1
# One image, two entry points (oomsight-operator, oomsight-agent): the agent imports msgspec alone, so the operator's libraries cost it disk, not memory,
# and a node that runs both pulls once. Pin the base by digest: --build-arg PYTHON_IMAGE=python@sha256:...
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
RUN python -m venv /opt/oomsight
COPY requirements/ requirements/
RUN /opt/oomsight/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/operator.txt \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY crds/ crds/
COPY node-agent/ node-agent/
COPY operator/ operator/
COPY e2e/sandbox/ e2e/sandbox/
RUN /opt/build/bin/pip wheel --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/oomsight/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-index /wheel/*.whl

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/oomsight /opt/oomsight
ENV PATH=/opt/oomsight/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10754:10754
CMD ["oomsight-operator", "run"]
