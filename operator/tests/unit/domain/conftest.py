"""Makes `building` and `catalogue`, beside this file, importable for the tests here."""
