"""Two evaluations of the same samples: what they share, and how they differ."""
