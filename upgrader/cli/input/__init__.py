"""What the user says: options, configuration files, consent, signals."""
