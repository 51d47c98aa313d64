"""A real Kubernetes with Argo Workflows on one machine: etcd, API server, kubelet, containerd, the workflow-controller.

Nothing here stands in for anything: the programs are built from the projects' own Go modules at the versions of
`modules/*/go.mod`, the containers run on Debian's containerd and runc, and RBAC decides who may do what. The whole node
lives in namespaces of its own (processes, network, mounts), joined to the machine by one link. So nothing can leave the
machine from there, no port is taken, and taking the node away is ending one process (docs/cluster.md).

What it can't show: Services other than the API server's (there is no kube-proxy), DNS in the cluster, more than one
node, volumes from a provider, images pulled from a registry, Argo Server, and Argo Events' controllers (its CRDs are
there, so Sensors are checked and kept, but nothing fires them).
"""
