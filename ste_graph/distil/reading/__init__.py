"""Reading a request: its words, and the numbers, days, units and names that it mentions, each at its place."""
