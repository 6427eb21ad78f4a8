"""Leakage: samples of the judged split that the model may have seen in training."""
