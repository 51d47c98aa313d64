"""Provenance as tags and annotations, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote

from deployer.orchestrators import declared
from deployer.outcome import FlowParameter, Provenance

ANNOTATION = "metaflow-deploy/provenance"
TAG_LENGTH = 256
# Letters, digits, spaces and `_.:/=+-@` are what AWS takes in a tag (Step Functions: TagResource). What else occurs is
# percent-encoded, with `@` in the place of `%`.
TAG_SAFE = " _.:/=+-"
RUN_TAG_LENGTH = 200
# Metaflow writes tags into shell commands without quotes: these mean themselves there, and what else occurs is
# percent-encoded. `%` itself is among it, so that what was encoded is told from what was written.
RUN_TAG_SAFE = "_.:/=+@,-"
PARAMETERS = "parameters"
MOST_PARAMETER_TAGS = 20
"""A resource has 50 tags at most, others' among them."""


def to_tags(provenance: Provenance) -> dict[str, str]:
    """The provenance as AWS tags, without a prefix: only what is known, escaped to what AWS takes.

    A value that is too long is left out and not cut: a flow file by half its name would look as if it were gone. The
    flow's Parameters go into as many tags as they need (`parameters`, `parameters-2`, …), or into none.
    """
    values = {key: str(value) for key, value in vars(provenance).items() if value is not None and key != PARAMETERS}
    escaped = {key: _escaped(value) for key, value in values.items()}
    fitting = {key: value for key, value in escaped.items() if len(value) <= TAG_LENGTH}
    return fitting | (_parameter_tags(provenance.parameters) if provenance.parameters is not None else {})


def _parameter_tags(parameters: Sequence[FlowParameter]) -> dict[str, str]:
    texts: list[str] = []
    for word in _escaped(declared.to_text(parameters)).split(" "):
        if texts and len(texts[-1]) + 1 + len(word) <= TAG_LENGTH:
            texts[-1] += f" {word}"
        else:
            texts.append(word)
    if len(texts) > MOST_PARAMETER_TAGS or any(len(text) > TAG_LENGTH for text in texts):
        return {}
    return {f"{PARAMETERS}-{number}" if number > 1 else PARAMETERS: text for number, text in enumerate(texts, 1)}


def _parameters(values: Mapping[str, str]) -> tuple[FlowParameter, ...] | None:
    keys = [PARAMETERS, *(f"{PARAMETERS}-{number}" for number in range(2, MOST_PARAMETER_TAGS + 1))]
    texts = [values[key] for key in keys if key in values]
    return declared.from_text(" ".join(texts)) if texts else None


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
        parameters=_parameters(values),
    )


def run_tags(provenance: Provenance) -> tuple[str, ...]:
    """What is worth a Metaflow tag on every run: to find the runs of a commit, of a repository, of a pull request."""
    tags = [f"repository:{provenance.repository}", f"commit:{provenance.commit}"]
    if provenance.pull_request is not None:
        tags.append(f"pull_request:{provenance.pull_request}")
    encoded = (quote(tag, safe=RUN_TAG_SAFE) for tag in tags if not tag.endswith(":"))
    # half of a name would be another one's
    return tuple(tag for tag in encoded if len(tag) <= RUN_TAG_LENGTH)
