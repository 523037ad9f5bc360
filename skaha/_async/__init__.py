"""The async variant of the facade, and the source of the sync variant."""
