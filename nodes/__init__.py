"""The nodes of STE: the paper's verbs, one file each."""
