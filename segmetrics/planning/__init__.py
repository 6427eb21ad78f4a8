"""How often the rules in force would pass a model of known quality, and the groups it takes."""

from segmetrics.planning.assumed import Assumed as Assumed
from segmetrics.planning.assumed import plan_from_assumption as plan_from_assumption
from segmetrics.planning.pieces import Spread as Spread
from segmetrics.planning.plan import LEVELS as LEVELS
from segmetrics.planning.plan import USUAL as USUAL
from segmetrics.planning.plan import Plan as Plan
from segmetrics.planning.plan import RuleChance as RuleChance
from segmetrics.planning.plan import sentence as sentence
from segmetrics.planning.tables import plan_from_tables as plan_from_tables
