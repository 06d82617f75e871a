"""Which op of the reference a forward computes, and with which statics."""
