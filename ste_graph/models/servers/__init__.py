"""Model servers that a run starts and ends, and what servers tell of themselves."""
