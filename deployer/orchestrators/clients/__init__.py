"""What several orchestrators ask alike: of Kubernetes, of AWS."""
