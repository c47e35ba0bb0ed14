"""A decoder of the bbz archive format, written from the chapters of format-spec."""
