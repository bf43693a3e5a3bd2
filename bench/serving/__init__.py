"""How the model server compares with others: the same model, weights, texts and load for each.

`servers` starts one server after the other, `load` sends it requests at a given rate whether it
keeps up or not, `capacity` searches the rate at which it no longer keeps its promise, and
`measured` puts it all side by side. `cores` keeps the two apart. `peers` are programs of their own,
in an environment of their own.
"""
