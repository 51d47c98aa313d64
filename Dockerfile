# The action's image. A workflow that names a branch or a commit builds it from here on the runner; in a released
# version action.yml names the image that release.yml built from this file, by digest, so nothing is built on a runner.
# It keeps to what every builder knows (no BuildKit syntax): runners, act and kaniko differ in that.
FROM python:3.13-slim-trixie AS build
COPY requirements/uv.txt requirements/action.txt /requirements/
# Left out afterwards: the toolkit's own tests, which would be a top-level package named `tests`; the asynchronous half of
# the Kubernetes client, which nothing imports; stubs and launchers.
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore --quiet \
        --require-hashes --requirement /requirements/uv.txt \
    && uv venv --quiet --no-cache --python /usr/local/bin/python /opt/action \
    && uv pip install --quiet --no-cache --python /opt/action/bin/python --require-hashes --requirement /requirements/action.txt \
    && rm -rf /opt/action/lib/python*/site-packages/tests /opt/action/lib/python*/site-packages/kubernetes/aio \
    && /opt/action/bin/python -m compileall -q --workers 0 /opt/action/lib
# The action itself is a package of that environment, built by uv without an index: the isolated Python below looks
# nowhere else.
COPY pyproject.toml README.md /source/
COPY deployer /source/deployer
RUN uv pip install --quiet --no-cache --offline --no-deps --compile-bytecode --python /opt/action/bin/python /source

FROM python:3.13-slim-trixie
# Metaflow asks git which commit it packages, and so do flows and packages (setuptools-scm) while they are deployed.
# hadolint ignore=DL3008 # Debian keeps one version at a time, so a pin would only break
RUN apt-get update --quiet=2 \
    && apt-get install --quiet=2 --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/action /opt/action
# What the action starts by name comes from here; a flow's own children are unbuffered, and compile nothing into the
# workspace. The entrypoint's isolated Python ignores these and every other PYTHON* variable.
ENV PATH=/opt/action/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["/opt/action/bin/python", "-I", "-u", "-B", "-m", "deployer"]
