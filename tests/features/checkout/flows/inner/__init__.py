"""A package that holds a flow."""
