"""Samples, images and masks: reading, decoding, checking."""
