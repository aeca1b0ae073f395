"""Claims that several hubs have a say in: grants, fingerprints, and the ring that asks."""
