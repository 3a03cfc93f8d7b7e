"""Text that commands print for a person: outcomes, tables, progress, costs and forecasts."""
