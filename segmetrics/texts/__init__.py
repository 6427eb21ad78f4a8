"""A verdict for people and their tools: terminal, Markdown, JUnit."""

from segmetrics.texts.junit import verdict_junit as verdict_junit
from segmetrics.texts.markdown import verdict_markdown as verdict_markdown
from segmetrics.texts.summary import write_step_summary as write_step_summary
from segmetrics.texts.terminal import print_verdict as print_verdict
from segmetrics.texts.terminal import terminal as terminal
from segmetrics.texts.words import bound_text as bound_text
from segmetrics.texts.words import headline as headline
from segmetrics.texts.words import next_steps as next_steps
from segmetrics.texts.words import number as number
