"""`segmetrics init`: write a pipeline for the images and masks that are there."""

from segmetrics.scaffold.content import stage_scripts
from segmetrics.scaffold.project import init
from segmetrics.scaffold.request import Request

__all__ = ["Request", "init", "stage_scripts"]
