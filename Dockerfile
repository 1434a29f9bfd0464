# One image for all roles: docker build -t vocengine:0.1.0 .
#   docker run --rm vocengine:0.1.0 --help
# Settings come by the environment (docs/reference/settings.md); there are none, and no secrets, in the image.

ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
# Where the CPU build of torch comes from; PyPI's own brings CUDA along. For a mirror or a GPU build:
#   docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    VIRTUAL_ENV=/opt/vocengine
RUN python -m pip install --no-cache-dir --disable-pip-version-check uv==0.13.9 \
 && python -m venv --without-pip /opt/vocengine
WORKDIR /src
COPY pyproject.toml requirements.lock ./
RUN uv pip install --no-deps --index-url "${TORCH_INDEX}" torch==2.13.0
# What running needs (not the development extras), each in the version and with a hash of the lock file; wheels only,
# so that no compiler is needed.
RUN uv pip install --only-binary :all: --constraint requirements.lock --requirement pyproject.toml
COPY README.md LICENSE ./
COPY vocengine ./vocengine
RUN uv pip install --no-deps --no-build-isolation . \
 && /opt/vocengine/bin/python -m compileall -q /opt/vocengine/lib
COPY configs /opt/vocengine/share/vocengine/configs
COPY models /opt/vocengine/share/vocengine/models
COPY streams /opt/vocengine/share/vocengine/streams
# An image without its weights, or with damaged ones, is not built.
RUN ["/opt/vocengine/bin/python", "-c", "from vocengine.encoder.artifact import find_artifact, verify; from vocengine.encoder.base import find_base; verify(find_artifact('voc-encoder')); find_base()"]

FROM python:${PYTHON}-slim
RUN useradd --system --uid 10001 --user-group --create-home --home-dir /var/lib/vocengine vocengine
COPY --from=build /opt/vocengine /opt/vocengine
ENV PATH=/opt/vocengine/bin:$PATH \
    HOME=/var/lib/vocengine \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HUB_OFFLINE=1 \
    TOKENIZERS_PARALLELISM=false \
    VOCENGINE_PROFILE=production \
    VOCENGINE_DATA_DIR=/var/lib/vocengine \
    HEALTH_URL=http://127.0.0.1:9100/healthz
USER 10001
WORKDIR /var/lib/vocengine
# 8080: pages and API of the role web. 9100: /metrics and /healthz of the roles enrich, store, detect, discover and notify.
EXPOSE 8080 9100
# For the role web set HEALTH_URL=http://127.0.0.1:8080/readyz.
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(os.environ['HEALTH_URL'], timeout=4)"]
# The program handles SIGTERM itself (it finishes the batch and leaves the group) and waits for its children.
ENTRYPOINT ["vocengine"]
CMD ["--help"]
