"""The textbook's experiments: several runs that differ in one choice, and one picture that compares them."""
