"""A parser of Configs."""


def pairs(text):
    """`a=b c=d` as a mapping."""
    return dict(one.split("=", 1) for one in text.split())
