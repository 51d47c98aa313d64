"""A DAG file as the installed Metaflow writes it, of a flow of two steps, and Airflows that are none.

The file's code is Metaflow's own, rendered as `metaflow.plugins.airflow.airflow.Airflow` does it; the data in it is as
`airflow create` writes it for examples/flows/hello.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from metaflow.plugins.airflow import airflow, airflow_utils
from metaflow.plugins.cards.card_modules import chevron

from deployer.outcome import Provenance

PROVENANCE = Provenance(repository="octo-org/flows", flow="flows/hello.py", commit="e" * 40, pull_request=7)


def config(**arguments: Any) -> dict[str, Any]:
    """The literal of a compiled file; `arguments` are those of its DAG."""
    return {
        "metadata": {"contains_foreach": False, "flow_name": "HelloFlow"},
        "graph_structure": ["start", "end"],
        "states": {name: _state(name) for name in ("start", "end")},
        "dag_instantiation_params": {
            "dag_id": "HelloFlow",
            "default_args": {
                "owner": "ci",
                "depends_on_past": False,
                "execution_timeout": {"seconds": 432000.0},
                "retry_delay": {"seconds": 200.0},
            },
            "description": "The least.",
            "schedule_interval": None,
            "start_date": "2026-11-24T05:33:13.006855",
            "tags": ("repository:octo-org/flows", "commit:" + "e" * 40),
            "max_active_tasks": 100,
            "is_paused_upon_creation": False,
            **arguments,
        },
        "file_path": "/tmp/HelloFlow.py",
        "metaflow_params": [{"name": "greeting", "default": "hello", "type": "string"}],
    }


def compiled(**arguments: Any) -> str:
    """A compiled file; `arguments` are those of its DAG."""
    template = Path(airflow.AIRFLOW_DEPLOY_TEMPLATE_FILE).read_text()
    utils = Path(airflow_utils.__file__).read_text()
    filled = {"config": config(**arguments), "utils": utils, "deployed_on": "2026-11-24 05:33:13"}
    return str(chevron.render(template, filled))


def _state(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "is_mapper_node": False,
        "operator_type": "kubernetes",
        "operator_args": {
            "name": name,
            "task_id": name,
            "namespace": "flows",
            "annotations": {
                "metaflow/production_token": "helloflow-0-apnt",
                "metaflow/owner": "ci",
                "metaflow/flow_name": "HelloFlow",
                "metaflow/project_name": "recsys",
                "metaflow/branch_name": "prod",
            },
            "resources": {"requests": {"cpu": "1"}, "limits": {}},
            "execution_timeout": {"seconds": 432000},
            "env_vars": [{"name": "METAFLOW_AIRFLOW_JOB_ID", "value": "{{ ti.job_id }}"}],
            "secrets": [],
        },
    }
