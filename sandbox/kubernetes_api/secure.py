"""The stand-in over TLS, as clusters have it."""

from __future__ import annotations

import base64
from pathlib import Path

from sandbox.kubernetes_api.control import KubernetesControl
from sandbox.processes import Servers
from sandbox.world import World


class SecureApi:
    """The Kubernetes API over TLS, with an authority of its own."""

    def __init__(self, servers: Servers, folder: Path) -> None:
        """Args:
        servers: what starts it, and ends it.
        folder: for the certificate's files; made if it is not there.
        """
        arguments = ["--tls", str(folder)]
        url = servers.start("sandbox.kubernetes_api", host="127.0.0.1", arguments=arguments)
        self.url = url.replace("http://", "https://")
        self.certificate = folder / "ca.crt"
        self.control = KubernetesControl(self.url, certificate=self.certificate)

    @property
    def authority(self) -> str:
        """The certificate authority, as a kubeconfig holds it."""
        return base64.b64encode(self.certificate.read_bytes()).decode()

    def become_eks_cluster(self, name: str, world: World, *, seconds: float | None = None) -> None:
        """Be the EKS cluster of this name in the world's AWS: described by its EKS, its tokens checked by its STS.

        Args:
            seconds: how long a token is taken for; EKS's 15 minutes where none is given.
        """
        world.aws.put_cluster(name, endpoint=self.url, certificate_authority=self.authority)
        self.control.become_eks_cluster(name, world.aws_url, seconds=seconds)
