"""Code judged at every size and in every regime, up to the smallest input on which it is wrong."""
