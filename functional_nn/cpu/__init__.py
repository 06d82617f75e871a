"""What makes programs for the CPU fast, and right where XLA for the CPU is not; no other platform is touched."""
