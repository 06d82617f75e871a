"""Training: choices, machine, data, step, setup, what is kept and what is reported; only the run knows them all."""
