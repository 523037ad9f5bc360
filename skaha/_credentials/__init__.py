"""Tokens, token stores, certificates and the OpenID Connect protocol."""
