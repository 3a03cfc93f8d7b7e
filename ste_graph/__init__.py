"""Simulated trial and error for tool-using language models, as a state graph written in YAML."""
