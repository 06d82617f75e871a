"""Training: one question a file; only `loop` knows them all."""
