"""Training loops, losses and samplers; one command per model."""
