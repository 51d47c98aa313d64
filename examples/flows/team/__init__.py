"""What the flows of a team share. It is beside them, so that it is in their code package."""
