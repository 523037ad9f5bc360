"""The commands of `skaha`, each in the module of its name."""
