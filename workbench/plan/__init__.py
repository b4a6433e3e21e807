"""Capacity planning: from manifests, growth and objectives to what saturates, when, and what a loss leaves."""

from workbench.plan.answering import answer
from workbench.plan.question import DEFAULT_QUESTION, Question, read_question

__all__ = ["DEFAULT_QUESTION", "Question", "answer", "read_question"]
