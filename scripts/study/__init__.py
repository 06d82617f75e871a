"""The study site: pages that put the two implementations side by side, built from the real code."""
