"""Evaluation and promotion gate for image-segmentation models, inside a DVC pipeline.

The numeric base is `segmetrics.metrics`; the command line is `segmetrics --help`.
"""

__version__ = "0.1.0"
