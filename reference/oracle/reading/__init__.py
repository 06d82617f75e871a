"""How somebody's code is called is a hypothesis: the ways in which people write, each tried before it is judged."""
