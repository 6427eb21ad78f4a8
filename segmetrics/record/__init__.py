"""What goes into the MLflow run of an evaluation: parameters, metrics, data sets, artifacts."""

from segmetrics.record.artifacts import collect_artifacts as collect_artifacts
from segmetrics.record.datasets import DatasetFacts as DatasetFacts
from segmetrics.record.datasets import dataset_facts as dataset_facts
from segmetrics.record.description import description as description
from segmetrics.record.description import primary_text as primary_text
from segmetrics.record.metrics import MetricValue as MetricValue
from segmetrics.record.metrics import metric_values as metric_values
from segmetrics.record.overlays import outgoing_pictures as outgoing_pictures
from segmetrics.record.parameters import flat_params as flat_params
from segmetrics.record.private import Names as Names
from segmetrics.record.private import outgoing as outgoing
from segmetrics.record.private import project_key as project_key
from segmetrics.record.record import Record as Record
from segmetrics.record.record import read_record as read_record
from segmetrics.record.rules import rule_margins as rule_margins
from segmetrics.record.rules import rule_outcomes as rule_outcomes
from segmetrics.record.shy import with_hidden as with_hidden
