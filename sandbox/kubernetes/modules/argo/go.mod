module metaflow-deploy/sandbox/argo

go 1.24

require (
	github.com/argoproj/argo-events v1.9.7
	github.com/argoproj/argo-workflows/v3 v3.7.4
)
