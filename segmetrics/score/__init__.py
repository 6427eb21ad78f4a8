"""`segmetrics score`: two folders of masks to metrics, without DVC, MLflow or params.yaml."""

from segmetrics.score.discovery import discover
from segmetrics.score.folders import score_folders
from segmetrics.score.scored import Scored
from segmetrics.score.table import write_score_table

__all__ = ["Scored", "discover", "score_folders", "write_score_table"]
