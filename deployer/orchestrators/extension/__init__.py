"""Orchestrators of Metaflow's extensions, by Deployer's own objects alone."""
