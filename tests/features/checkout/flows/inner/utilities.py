"""What the flow imports."""

RATE = 0.5
