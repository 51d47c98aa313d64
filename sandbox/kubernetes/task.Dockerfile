# What the tasks of a run need besides the flow's own code package, which brings Metaflow: Python, boto3, requests.
FROM python:3.13-slim-trixie
COPY requirements/task.txt /tmp/task.txt
RUN pip install --no-cache-dir --require-hashes --requirement /tmp/task.txt && rm /tmp/task.txt
# Metaflow's own bootstrap would install these from an index otherwise, and it does not pass this variable on to tasks.
ENV METAFLOW_SKIP_INSTALL_DEPENDENCIES=1
