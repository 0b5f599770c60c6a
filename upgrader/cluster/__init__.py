"""The API server behind one narrow port: two ways to read, one way to write, wrappers instead of ifs."""
