"""`functional-nn check`: finds code in a file, makes inputs for it, and has the oracle judge it in a child process."""
