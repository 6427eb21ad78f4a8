"""Findings in plain words: what the numbers hide, with the numbers that show it.

One trap a module. Each is a pure function from numbers to `Finding`s. Texts name no sample, because
they leave the machine with a tracked run: ids stand in `data` under `ids`, or under `id`.
"""

from segmetrics.gates.diagnosis.accuracy import accuracy_paradox as accuracy_paradox
from segmetrics.gates.diagnosis.accuracy import paradox_numbers as paradox_numbers
from segmetrics.gates.diagnosis.checks import Ceiling as Ceiling
from segmetrics.gates.diagnosis.checks import Checks as Checks
from segmetrics.gates.diagnosis.checks import OverfitLimits as OverfitLimits
from segmetrics.gates.diagnosis.classes import absent_classes as absent_classes
from segmetrics.gates.diagnosis.classes import rare_classes as rare_classes
from segmetrics.gates.diagnosis.classes import unknown_labels as unknown_labels
from segmetrics.gates.diagnosis.empties import empty_images as empty_images
from segmetrics.gates.diagnosis.human import annotator_agreement as annotator_agreement
from segmetrics.gates.diagnosis.human import human_ceiling as human_ceiling
from segmetrics.gates.diagnosis.ignored import Ignored as Ignored
from segmetrics.gates.diagnosis.ignored import ignored_pixels as ignored_pixels
from segmetrics.gates.diagnosis.overfit import Gap as Gap
from segmetrics.gates.diagnosis.overfit import overfit as overfit
from segmetrics.gates.diagnosis.overfit import overfit_unverified as overfit_unverified
from segmetrics.gates.diagnosis.perfection import Copies as Copies
from segmetrics.gates.diagnosis.perfection import reference_copies as reference_copies
from segmetrics.gates.diagnosis.perfection import suspicious_perfection as suspicious_perfection
from segmetrics.gates.diagnosis.point_values import low_confidence as low_confidence
from segmetrics.gates.diagnosis.point_values import point_values as point_values
from segmetrics.gates.diagnosis.rule_set import few_groups as few_groups
from segmetrics.gates.diagnosis.rule_set import rule_lint as rule_lint
from segmetrics.gates.diagnosis.rule_set import rules_left_out as rules_left_out
from segmetrics.gates.diagnosis.small_objects import objects_needed as objects_needed
from segmetrics.gates.diagnosis.small_objects import small_objects as small_objects
from segmetrics.gates.diagnosis.worst import catastrophic_images as catastrophic_images
from segmetrics.gates.diagnosis.worst import worst_share as worst_share
