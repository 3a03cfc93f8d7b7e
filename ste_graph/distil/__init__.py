"""From trials to examples: the gates, the split and its check as pure functions, and the records that they make."""
