"""The async variant of the transport, and the source of the sync variant."""
