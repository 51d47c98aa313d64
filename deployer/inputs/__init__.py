"""INPUT_* as one frozen dataclass. Every mistake is told at once, each naming its input and what to write instead."""

from deployer.inputs.config import ConfigPath, ConfigSource, ConfigValue, config_options
from deployer.inputs.insecure import insecure_connections
from deployer.inputs.model import (
    WITHOUT_FLOW,
    CommentMode,
    InputErrors,
    Inputs,
    OnTimeout,
    OperationName,
    Wait,
    input_names,
)
from deployer.inputs.paths import check_paths, wrong_paths
from deployer.inputs.read import raw_input, read_inputs, unknown_inputs
from deployer.inputs.secret import masks_parameters, secret_inputs, secret_parameters

__all__ = [
    "WITHOUT_FLOW",
    "CommentMode",
    "ConfigPath",
    "ConfigSource",
    "ConfigValue",
    "InputErrors",
    "Inputs",
    "OnTimeout",
    "OperationName",
    "Wait",
    "check_paths",
    "config_options",
    "input_names",
    "insecure_connections",
    "masks_parameters",
    "raw_input",
    "read_inputs",
    "secret_inputs",
    "secret_parameters",
    "unknown_inputs",
    "wrong_paths",
]
