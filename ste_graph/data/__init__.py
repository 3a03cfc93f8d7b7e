"""What a workflow's `data:` can name: trials and examples of earlier runs, rows of a file."""
