"""How the people who wrote the code use it: the calls in their own files, computed as far as nothing else happens."""
