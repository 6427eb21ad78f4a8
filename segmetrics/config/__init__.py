"""params.yaml as typed, frozen settings; the only place that knows YAML."""

from segmetrics.config.load import load_settings
from segmetrics.config.models import Settings

__all__ = ["Settings", "load_settings"]
