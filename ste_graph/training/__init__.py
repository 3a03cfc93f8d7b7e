"""Training: from examples to a better model, and what it gained and forgot.

Public modules: `settings`, `fitting` (train a model on rows), `job` (the same in a process of its own), `exactness`
(held-out requests answered exactly), `results` (tables and plots), `records` (of a run's journal), `errors`; `rows`
(training rows) and `student` (a small model built for the tools). Inside, `replay` mixes in rows of earlier rounds.
"""
