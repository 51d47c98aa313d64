"""Argo Workflows, over the Kubernetes API."""
