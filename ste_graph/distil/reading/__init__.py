"""Reading a request: its words, and the numbers, days, units and names that it mentions, each at its place.

Public modules:

* `request`: a request as the gates read it; `normalisation`: texts in the form in which they are compared
* `places`: where a value is mentioned; `roles`: the parameter that it is meant for
* `numbers`, `dates`, `zones`, `series`, `choices`: what can be mentioned; `modifiers`: the words around it
* `wording`: the words without the values; `unused`: what no call uses
"""
