"""One MLflow run per evaluation, found again by its `eval_id`."""

from segmetrics.tracking.connection import connect as connect
from segmetrics.tracking.once import find_runs as find_runs
from segmetrics.tracking.once import log_evaluation as log_evaluation
from segmetrics.tracking.once import write_receipt as write_receipt
from segmetrics.tracking.store import is_local as is_local
from segmetrics.tracking.store import store_root as store_root
from segmetrics.tracking.store import tracking_uri as tracking_uri
from segmetrics.tracking.tags import EVAL_ID as EVAL_ID
from segmetrics.tracking.tags import MODEL_DIGEST as MODEL_DIGEST
