"""The places where the exemplars of a store are kept: a folder, the folder of a run, a pack."""
