"""Examples as data sets: one JSON object a line, in three forms."""
