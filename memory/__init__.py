"""Long-term and short-term memory."""
