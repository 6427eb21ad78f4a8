"""The model of an evaluation as MLflow lists it: one LoggedModel for the same bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from segmetrics.record import Record
from segmetrics.tracking.tags import MODEL_DIGEST

if TYPE_CHECKING:
    from mlflow import MlflowClient

_REFUSED = re.compile(r"[/:.%\"']")  # in names of models


def find_model(client: MlflowClient, experiment: str, record: Record, name: str) -> str:
    """The id of the LoggedModel with these bytes, which is made where there is none.

    It has no source run: a run that is replaced after a crash would leave it without one. Of two
    that were made at once by two machines the older one counts.
    """
    query = f"tags.`{MODEL_DIGEST}` = '{record.model_digest}'"
    found = list(client.search_logged_models([experiment], filter_string=query))
    if not found:
        tags = {MODEL_DIGEST: record.model_digest}
        shown = _REFUSED.sub("_", name)
        found = [client.create_logged_model(experiment, name=shown, tags=tags)]
    model = min(found, key=lambda m: (m.creation_timestamp, m.model_id))
    # Also after a crash in between: a model that is not ready counts as broken.
    if str(model.status) != "READY":
        client.finalize_logged_model(model.model_id, "READY")
    return str(model.model_id)
