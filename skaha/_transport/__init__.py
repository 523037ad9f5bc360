"""Input and output: everything between the generated client and the network."""
