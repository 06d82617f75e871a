"""What makes programs for an NVIDIA GPU fast, beside what XLA does."""
