"""The forms of a reply, and reading them. Public: `react`, `native`, `json_object`, `request`, `yes_no`."""
