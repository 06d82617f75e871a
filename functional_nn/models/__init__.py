"""Models as pure (init, apply) pairs, one a file."""
