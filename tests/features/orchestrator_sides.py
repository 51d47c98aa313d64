"""Two of each orchestrator: one that a person deploys to, one that the action deploys to; and what they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from sandbox.aws import resources
from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.processes import Servers
from sandbox.world import World

Objects = dict[str, Any]


class Side(Protocol):
    """An orchestrator, and a way to look at what it holds."""

    environment: Mapping[str, str]
    """What a job or a person needs to deploy to it."""
    kubeconfig: str
    """Empty where there is no Kubernetes."""

    def objects(self, name: str) -> Objects:
        """What is deployed under an identifier, less what differs with every deployment."""

    def facts(self, name: str) -> Objects:
        """The same in a few words: Parameters, schedule, triggers, tags."""

    def written(self) -> int:
        """How much was written to the orchestrator so far. A code package is not counted: it is in the datastore under
        the hash of its content before Metaflow looks at the rest."""


class Sides:
    """The servers, for as long as the `with` block lasts."""

    def __init__(self, folder: Path, orchestrator: str) -> None:
        """Args:
        folder: for logs; made if it is not there.
        orchestrator: `argo-workflows` or `step-functions`.
        """
        self._argo = orchestrator == "argo-workflows"
        self._world = World(folder / "world")
        folder.mkdir(parents=True, exist_ok=True)
        self._servers = Servers(folder)

    def __enter__(self) -> Sides:
        self._world.__enter__()
        try:
            module = "sandbox.kubernetes_api" if self._argo else "sandbox.aws"
            if self._argo:
                with ThreadPoolExecutor() as at_once:
                    starting = [at_once.submit(self._servers.start, module, host="127.0.0.1") for _ in range(2)]
                    urls = [one.result() for one in starting]
                self.plain: Side = ArgoSide(self._world, urls[0])
                self.action: Side = ArgoSide(self._world, urls[1])
            else:
                jobs = ["--folder", str(self._servers.logs / "jobs")]
                url = self._servers.start(module, host="127.0.0.1", arguments=jobs)
                self.plain = StepFunctionsSide(self._world, url)
                self.action = StepFunctionsSide(self._world, self._world.aws_url)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._servers.stop()
        self._world.__exit__(kind, error, trace)

    @property
    def api_url(self) -> str:
        """GitHub's API."""
        return self._world.github.api_url


class ArgoSide:
    """The Kubernetes API; both sides have their packages in one S3."""

    def __init__(self, world: World, url: str) -> None:
        """Args:
        world: AWS and the metadata service.
        url: the API server's.
        """
        self.control = KubernetesControl(url)
        self.kubeconfig = self.control.kubeconfig()
        self.environment = {**world.environment, "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "registry.example.com/flows:1"}

    def objects(self, name: str) -> Objects:
        """WorkflowTemplate, CronWorkflow and Sensor."""
        template = self.control.get("workflowtemplates", name)
        sensors = _annotation(template, "metaflow/sensor_namespace") or "default"
        found = {
            "WorkflowTemplate": template,
            "CronWorkflow": self.control.get("cronworkflows", name),
            "Sensor": self.control.get("sensors", name.replace(".", "-"), sensors),
        }
        token = _annotation(template, "metaflow/production_token")
        return {kind: _kubernetes(one, token) for kind, one in found.items() if one is not None}

    def facts(self, name: str) -> Objects:
        """From the template's annotations, as Metaflow keeps them, and the CronWorkflow."""
        template = self.control.get("workflowtemplates", name)
        cron = self.control.get("cronworkflows", name) or {}
        spec = cron.get("spec") or {}
        suspended = spec.get("suspend")
        return {
            "parameters": sorted(json.loads(_annotation(template, "metaflow/parameters") or "{}")),
            "schedule": None if suspended else spec.get("schedule"),
            "timezone": None if suspended else spec.get("timezone") or None,
            "triggers": [one["name"] for one in json.loads(_annotation(template, "metaflow/triggers") or "[]")],
            "tags": json.loads(_annotation(template, "metaflow/tags") or "[]"),
        }

    def written(self) -> int:
        """Requests that wrote."""
        requests = [one for one in self.control.requests() if "/argoproj.io/" in one["path"]]
        return len([one for one in requests if one["method"] != "GET" and not one["dry_run"]])


class StepFunctionsSide:
    """AWS; each side has an account of its own."""

    def __init__(self, world: World, url: str) -> None:
        """Args:
        world: the metadata service; for the action's side AWS as well.
        url: of AWS.
        """
        self._url = url
        self.kubeconfig = ""
        self.environment = {**world.environment, **resources.environment(url)}

    def _client(self, service: str) -> Any:
        import boto3

        keys = {"aws_access_key_id": "looks", "aws_secret_access_key": "looks"}
        return boto3.client(service, endpoint_url=self._url, region_name=resources.REGION, **keys)

    def objects(self, name: str) -> Objects:
        """The state machine, its Batch job definitions, and its rule with the targets."""
        states, events, batch = self._client("stepfunctions"), self._client("events"), self._client("batch")
        arn = f"arn:aws:states:{resources.REGION}:{resources.ACCOUNT}:stateMachine:{name}"
        machine = states.describe_state_machine(stateMachineArn=arn)
        definition = json.loads(machine["definition"])
        found: Objects = {"definition": definition, "role": machine["roleArn"]}
        arns = sorted(set(re.findall(r"arn:aws:batch:[^\"]+:job-definition/[^\"]+", machine["definition"])))
        described = batch.describe_job_definitions(jobDefinitions=arns)["jobDefinitions"]
        for one in described:
            del one["revision"]
        found["job definitions"] = sorted(described, key=lambda one: str(one["jobDefinitionName"]))
        if name in {one["Name"] for one in events.list_rules(NamePrefix=name)["Rules"]}:
            rule = events.describe_rule(Name=name)
            found["rule"] = {key: rule.get(key) for key in ("ScheduleExpression", "State", "Description")}
            found["targets"] = events.list_targets_by_rule(Rule=name)["Targets"]
        token = definition["States"][definition["StartAt"]]["Parameters"]["Parameters"]["metaflow.production_token"]
        return dict(json.loads(_settled(json.dumps(found, default=str), token).replace(self._url, "<aws>")))

    def facts(self, name: str) -> Objects:
        """From the first state, as Metaflow keeps them, and the rule."""
        found = self.objects(name)
        definition = found["definition"]
        start = definition["States"][definition["StartAt"]]["Parameters"]
        variables = {one["Name"]: one.get("Value") for one in start["ContainerOverrides"]["Environment"]}
        rule = found.get("rule") or {}
        expression = rule.get("ScheduleExpression") if rule.get("State") == "ENABLED" else None
        command = " ".join(start["ContainerOverrides"]["Command"])
        return {
            "parameters": sorted(json.loads(variables.get("METAFLOW_DEFAULT_PARAMETERS") or "{}")),
            "schedule": expression and expression.removeprefix("cron(").removesuffix(")"),
            "timezone": None,
            "triggers": [],
            "tags": list(dict.fromkeys(re.findall(r"--tag (\S+)", command))),
        }

    def written(self) -> int:
        """State machines, rules, job definitions."""
        machines = self._client("stepfunctions").list_state_machines(maxResults=1000)["stateMachines"]
        rules = self._client("events").list_rules()["Rules"]
        definitions = self._client("batch").describe_job_definitions()["jobDefinitions"]
        return len(machines) + len(rules) + len(definitions)


def _annotation(one: Mapping[str, Any] | None, name: str) -> str | None:
    return ((one or {}).get("metadata", {}).get("annotations") or {}).get(name)


SERVERS_OWN = ("uid", "creationTimestamp", "resourceVersion", "generation")
OF_THE_MOMENT = ("metaflow/deployment_timestamp", "metaflow-deploy/provenance")


def _kubernetes(one: Mapping[str, Any], token: str | None) -> Objects:
    metadata = {key: value for key, value in one["metadata"].items() if key not in SERVERS_OWN}
    annotations = metadata.get("annotations") or {}
    metadata["annotations"] = {key: value for key, value in annotations.items() if key not in OF_THE_MOMENT}
    kept: Objects = {key: value for key, value in one.items() if key in ("kind", "apiVersion", "spec")}
    text = json.dumps({**kept, "metadata": metadata})
    return dict(_ordered(json.loads(_settled(text, token))))


def _settled(text: str, token: str | None) -> str:
    """Without what Metaflow makes anew each time: the production token, random names in the steps' commands."""
    for name in re.findall(r"set_(?:parameters|batch_environment (?:parameters|parent_tasks)) ([a-z]{10})\b", text):
        text = text.replace(name, "<random>")
    # the name of a job definition is the hash of its content; jobs side by side may register one twice
    text = re.sub(r"(:job-definition/[^\":]+):[0-9]+", r"\1", text)
    text = re.sub(r"deployment_timestamp(\W+)[-0-9T:.+]+", r"deployment_timestamp\1<time>", text)
    return text.replace(token, "<token>") if token else text


def _ordered(value: Any) -> Any:
    """With the Parameters of an event in the order of their names: Metaflow has them in a set's."""
    if isinstance(value, list):
        return [_ordered(one) for one in value]
    if isinstance(value, dict):
        ordered = {key: _ordered(one) for key, one in value.items()}
        if isinstance(ordered.get("parameters"), list):
            ordered["parameters"] = sorted(ordered["parameters"], key=lambda one: json.dumps(one, sort_keys=True))
        return ordered
    return value
