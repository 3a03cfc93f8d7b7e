"""The files that a run writes as it goes: step logs (the truth), the journal of records, events."""
