"""How a model says that it wants a tool called."""
