"""Pictures of single images: where the prediction is right, where it adds, what it misses."""

from segmetrics.overlays.index import KINDS, Overlay, Overlays, read_overlays

__all__ = ["KINDS", "Overlay", "Overlays", "read_overlays"]
