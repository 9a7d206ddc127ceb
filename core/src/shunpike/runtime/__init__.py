"""The composition root: the only place that builds what answers requests; shared by every face of the library."""
