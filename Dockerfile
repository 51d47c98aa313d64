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

FROM python:3.13-slim-trixie
COPY --from=build /opt/action /opt/action
# Unbuffered, or a flow's output would overtake the action's. Everything here is compiled; nothing else should be, least
# of all what is in the workspace.
ENV PATH=/opt/action/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
COPY entrypoint.py action.yml /action/
COPY deployer /action/deployer
RUN python -m compileall -q /action
ENTRYPOINT ["python", "/action/entrypoint.py"]
