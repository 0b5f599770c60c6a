"""YAML and Jinja2 to what an operator may decide, strictly; and the folder of manifests it points to."""
