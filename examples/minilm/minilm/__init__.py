"""The MiniLM-L6 sentence encoder: text in, an embedding of unit length out.

`tokenize` makes token ids of texts, `model` is the network, `weights` fills it with what was
trained, `serving` puts them together for the model server. Only `serving` knows of a server.
"""
