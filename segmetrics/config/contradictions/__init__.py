"""What no single value of params.yaml shows: settings that contradict one another."""

from segmetrics.config.contradictions.common import Contradiction as Contradiction
from segmetrics.config.contradictions.whole import contradictions as contradictions
