"""Whether a reply makes the right call, and what that says of a model."""
