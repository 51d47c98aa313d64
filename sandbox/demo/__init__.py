"""`make demo`: the real action, played on this machine alone, and what people then read of it."""
