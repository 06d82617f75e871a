"""`check_optimizer`: a trajectory against the reference, and the known slips."""
