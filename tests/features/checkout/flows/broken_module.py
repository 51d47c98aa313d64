"""A module that raises when it is imported."""

VALUES = {"rate": 0.5}
VALUE = VALUES["team"]
