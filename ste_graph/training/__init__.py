"""From rows to a better model: the student, fine-tuning, replay, and what was forgotten."""
