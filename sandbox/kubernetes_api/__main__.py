"""`python -m sandbox.kubernetes_api`: the server."""

from sandbox.kubernetes_api.app import make_app
from sandbox.serving import parser, serve

if __name__ == "__main__":
    serve(parser("the Kubernetes API, for Argo's objects").parse_args(), lambda _: make_app())
