"""The expressions of the language.

* `expression`: `Expression`, which can be checked and evaluated; `ExpressionError`
* `grammar`: the legal syntax trees
* `types`: small types of values; `type_check`: the type of an expression, and its faults
* `interpreter`: the value of an expression
"""
