"""One step: everything that a batch changes, as one compiled program on all devices."""
