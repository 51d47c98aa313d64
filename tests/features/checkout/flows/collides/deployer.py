"""A module of the repository's."""

NAME = "the repository's own"
