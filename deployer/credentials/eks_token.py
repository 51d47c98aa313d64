"""A token for an EKS cluster: the exec plug-in of the kubeconfig that the action makes for `eks-cluster`.

It is run as a file, isolated (`python -I`), and imports nothing of ours: its callers are Kubernetes clients in
processes of every kind. The token is a URL of STS GetCallerIdentity, signed for the cluster alone (the header
`x-k8s-aws-id`), in base64 with a prefix; EKS asks that URL who the caller is. What EKS takes, read from
aws-iam-authenticator's `pkg/token`: such a URL is valid for 15 minutes from its date, whatever its `X-Amz-Expires`
says, and the token is taken for a minute less.
"""

import argparse
import base64
import datetime
import json
import sys
from typing import Any

import botocore.config
import botocore.exceptions
import botocore.session

PREFIX = "k8s-aws-v1."
HEADER = "x-k8s-aws-id"
LIFETIME = 14 * 60
"""Seconds that a Kubernetes client may use the token for."""
URL_SECONDS = 60
"""`X-Amz-Expires`, as AWS's own command line writes it; older authenticators refuse more."""


def token(cluster: str, region: str) -> str:
    """A token for a cluster, by botocore's usual chain of credentials.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: there are no credentials, or a role could not be assumed.
    """
    # the signature's own version, so that the URL is STS's of the region whatever botocore's default is
    config = botocore.config.Config(signature_version="v4", retries={"total_max_attempts": 3})
    sts: Any = botocore.session.Session().create_client("sts", region_name=region, config=config)

    def name_cluster(request: Any, **_: Any) -> None:
        request.headers[HEADER] = cluster

    sts.meta.events.register("before-sign.sts.GetCallerIdentity", name_cluster)
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=URL_SECONDS, HttpMethod="GET")
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def credential(cluster: str, region: str, lifetime: int) -> str:
    """An ExecCredential as JSON (client.authentication.k8s.io/v1)."""
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=lifetime)
    status = {"token": token(cluster, region), "expirationTimestamp": end.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})


def main() -> int:
    """Write the credential to the output; where there is none, say why on the error stream."""
    parser = argparse.ArgumentParser(description="A token for an EKS cluster.")
    parser.add_argument("--cluster", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--lifetime", type=int, default=LIFETIME, help="seconds until the client asks again")
    options = parser.parse_args()
    try:
        sys.stdout.write(credential(options.cluster, options.region, options.lifetime) + "\n")
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
