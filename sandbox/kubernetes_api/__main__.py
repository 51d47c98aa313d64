"""`python -m sandbox.kubernetes_api`: the server."""

from pathlib import Path

from sandbox.certificates import make
from sandbox.kubernetes_api.app import make_app
from sandbox.serving import parser, serve

if __name__ == "__main__":
    arguments = parser("the Kubernetes API, for Argo's objects")
    arguments.add_argument("--tls", type=Path, help="serve over TLS; the folder for the certificate's files")
    options = arguments.parse_args()
    certificate = make(options.tls, options.host) if options.tls is not None else None
    serve(options, lambda _: make_app(), certificate=certificate)
