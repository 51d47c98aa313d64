"""A stand-in of the Kubernetes API server for Argo's objects: WorkflowTemplates, CronWorkflows, Workflows, Sensors.

It keeps objects, versions and refusals as the real one does (Status objects, resource versions, merge patches, RBAC's
messages). It runs nothing: a Workflow stays as it was created until a test sets its status. What it can't show: schema
pruning, admission, real RBAC, watches, and whatever the Argo controller does.
"""
