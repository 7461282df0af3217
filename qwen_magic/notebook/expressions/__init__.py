"""Expressions in a prompt's braces, such as ``{df.describe()}``: evaluated where they only read, and never else.

`written` tells what an expression is made of before anything of it runs, `evaluator` evaluates it by rules of its own:
no code of the user's runs, `trust` tells why. `methods` lists what may be called, `sizes` bounds what comes of it,
`timing` how long it takes.
"""
