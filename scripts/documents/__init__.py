"""The documentation as a site: the repository's own pages, a page for every module of the API, and the study site."""
