"""Provenance as tags and annotations, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from urllib.parse import quote, unquote

from deployer.outcome import Provenance

ANNOTATION = "metaflow-deploy/provenance"
TAG_LENGTH = 256
# Letters, digits, spaces and `_.:/=+-@` are what AWS takes in a tag (Step Functions: TagResource). What else occurs is
# percent-encoded, with `@` in the place of `%`.
TAG_SAFE = " _.:/=+-"
RUN_TAG_LENGTH = 200
# Metaflow writes tags into shell commands without quotes: these mean themselves there, and what else occurs is
# percent-encoded. `%` itself is among it, so that what was encoded is told from what was written.
RUN_TAG_SAFE = "_.:/=+@,-"


def to_tags(provenance: Provenance) -> dict[str, str]:
    """The provenance as AWS tags, without a prefix: only what is known, escaped to what AWS takes.

    A value that is too long is left out and not cut: a flow file by half its name would look as if it were gone.
    """
    values = {key: str(value) for key, value in dataclasses.asdict(provenance).items() if value is not None}
    escaped = {key: _escaped(value) for key, value in values.items()}
    return {key: value for key, value in escaped.items() if len(value) <= TAG_LENGTH}


def _escaped(value: str) -> str:
    return quote(value, safe=TAG_SAFE).replace("~", "%7E").replace("%", "@")  # quote never touches `~`


def from_tags(tags: Mapping[str, str]) -> Provenance | None:
    """The provenance that such tags hold; None where they hold none."""
    values = {key: unquote(value.replace("@", "%")) for key, value in tags.items()}
    if not {"repository", "flow", "commit"} <= set(values):
        return None

    def number(key: str) -> int | None:
        return int(values[key]) if values.get(key, "").isdigit() else None

    return Provenance(
        repository=values["repository"],
        flow=values["flow"],
        commit=values["commit"],
        commit_time=values.get("commit_time"),
        pull_request=number("pull_request"),
        workflow_run=values.get("workflow_run"),
        run_attempt=number("run_attempt"),
        environment=values.get("environment"),
        deployed_at=values.get("deployed_at"),
    )


def run_tags(provenance: Provenance) -> tuple[str, ...]:
    """What is worth a Metaflow tag on every run: to find the runs of a commit, of a repository, of a pull request."""
    tags = [f"repository:{provenance.repository}", f"commit:{provenance.commit}"]
    if provenance.pull_request is not None:
        tags.append(f"pull_request:{provenance.pull_request}")
    encoded = (quote(tag, safe=RUN_TAG_SAFE) for tag in tags if not tag.endswith(":"))
    # half of a name would be another one's
    return tuple(tag for tag in encoded if len(tag) <= RUN_TAG_LENGTH)
