"""The student: a language model of some hundred thousand parameters, built for the tools that it is to learn.

Public modules: `student` (its shape, and how it is created). Inside, `tokenizer`, and `circuit` (the weights that it
begins with).
"""
