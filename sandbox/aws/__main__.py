"""`python -m sandbox.aws`: the server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sandbox.processes import MARKER
from sandbox.serving import parser, serve


def main() -> None:
    """Serve until ended."""
    arguments = parser("AWS on this machine")
    arguments.add_argument("--folder", type=Path, required=True, help="where jobs keep their folders")
    options = arguments.parse_args()

    def make(port: int) -> Any:
        # moto reads these when it is imported: state machines and jobs reach the other services over them
        os.environ.update(MOTO_PORT=str(port), MOTO_HOST=f"http://{options.host}")
        os.environ.update(AWS_ACCESS_KEY_ID="sandbox", AWS_SECRET_ACCESS_KEY="sandbox", AWS_DEFAULT_REGION="us-east-1")
        from moto.core.config import default_user_config
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        from sandbox.aws import batch, mends, resources
        from sandbox.aws.controls import Controls
        from sandbox.aws.web_identity import RefuseExpired, WebIdentities, check_web_identities

        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        mends.mend()
        identities = WebIdentities()
        check_web_identities(identities)
        url = f"http://{options.host}:{port}"
        marker = (MARKER, os.environ.get(MARKER, ""))
        batch.run_jobs_as_processes(
            options.folder, batch.job_environment(url, resources.REGION, marker), at_once=os.cpu_count() or 1
        )
        return Controls(RefuseExpired(DomainDispatcherApplication(create_backend_app)), identities)

    def prepare(port: int) -> None:
        from sandbox.aws import resources

        resources.create(f"http://{options.host}:{port}")

    serve(options, make, prepare)


if __name__ == "__main__":
    main()
