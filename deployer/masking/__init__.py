"""Secrets: which values are secret, in which forms they appear, and how they are taken out of text.

Everything that the action writes passes one gate, `SecretRegistry.mask`, as plain text: before it is escaped and before
it is cut (docs/security.md). This package knows no channel and reaches no network.
"""

from deployer.masking.collect import environment_secrets, file_secrets, parameter_secrets
from deployer.masking.names import is_secret_name
from deployer.masking.registry import SecretRegistry, tells_runner
from deployer.masking.report import masked_outcome
from deployer.masking.rules import COMMON, MASK, SHORTEST, SHORTEST_GIVEN, is_maskable

__all__ = [
    "COMMON",
    "MASK",
    "SHORTEST",
    "SHORTEST_GIVEN",
    "SecretRegistry",
    "environment_secrets",
    "file_secrets",
    "is_maskable",
    "is_secret_name",
    "masked_outcome",
    "parameter_secrets",
    "tells_runner",
]
