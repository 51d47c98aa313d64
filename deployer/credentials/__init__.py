"""Credentials that the action gets by itself, and keeps for as long as the job waits."""
