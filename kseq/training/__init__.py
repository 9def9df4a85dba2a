"""Training: the run directory, callbacks, interruption and resumption."""
