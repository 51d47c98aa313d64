"""Which WorkflowTemplate a Workflow is of, as far as its name shows.

Metaflow, Argo's CronWorkflows and Sensors, and this action all name a Workflow after its template, with one part more
behind a dash. Metaflow names templates no longer than 45 characters now; older releases, and `--name`, went further.
Then the name is cut: by the API server, which takes 58 characters of a `generateName` and puts 5 of its own behind
them (k8s.io/apiserver, pkg/storage/names/generate.go), or by this action. A cut name may be of several templates, and
is counted for each of them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Generic, TypeVar

from deployer.orchestrators.argo_workflows.objects import NAME_LIMIT, workflow_name_of_key

T = TypeVar("T")

GENERATED = 5
"""Characters that the API server puts behind a `generateName`."""
KEPT = NAME_LIMIT - GENERATED
"""Characters that it takes of one."""


def template_of(workflow: str) -> str:
    """The WorkflowTemplate that a name which was not cut tells: all but what stands behind the last dash."""
    return workflow.rpartition("-")[0]


def is_named_after(workflow: str, template: str) -> bool | None:
    """Whether a Workflow's name is one that runs of this template get; None: it was cut, and shows only a part."""
    if template_of(workflow) == template:
        return True
    return None if _cut(workflow) & _cuts(template) else False


class ByTemplate(Generic[T]):
    """What belongs to Workflows, found again by their template."""

    def __init__(self) -> None:
        self._whole: dict[str, list[T]] = defaultdict(list)
        self._cut: dict[str, list[T]] = defaultdict(list)

    def add(self, workflow: str, item: T, template: str | None = None) -> None:
        """Take something up.

        Args:
            workflow: the Workflow's name.
            item: what belongs to it.
            template: its WorkflowTemplate, where that is known otherwise.
        """
        self._whole[template or template_of(workflow)].append(item)
        if template is None:
            for part in _cut(workflow):
                self._cut[part].append(item)

    def of(self, template: str) -> list[T]:
        """All that is of a template, or may be."""
        found = list(self._whole.get(template, ()))
        for part in _cuts(template):
            found += self._cut.get(part, ())
        return found


def _cut(workflow: str) -> set[str]:
    """What a name shows of its template's, if that was cut: as the API server does it, as this action does."""
    found = {f"{workflow[:KEPT]}*"} if len(workflow) == NAME_LIMIT else set()
    return found | {f"{template_of(workflow)}-"}


def _cuts(template: str) -> set[str]:
    """What is left of a template's name where it is cut."""
    found = {f"{template[:KEPT]}*"} if len(template) >= KEPT else set()
    ours = template_of(workflow_name_of_key(template, ""))
    return found | ({f"{ours}-"} if ours != template else set())
