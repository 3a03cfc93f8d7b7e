"""Tools behind one contract."""
