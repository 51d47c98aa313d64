"""A package outside of the flows' folder."""
