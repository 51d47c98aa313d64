"""What the inputs say of an Airflow: where it looks for DAG files, and where its REST API answers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class AirflowSettings:
    """The inputs `airflow-…`. Without a folder nothing can be delivered, without a URL nothing can be asked or run."""

    dags_folder: str | None = None
    """`s3://bucket/prefix`, `gs://bucket/prefix`, or an absolute folder."""
    url: str | None = None
    """The web server's address without a slash at its end; `mwaa://ENVIRONMENT` for Amazon MWAA."""
    token: str | None = field(default=None, repr=False)
    """A bearer token for the REST API."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    compatibility: bool = True
    """Whether the compatibility header is put before Metaflow's text."""
