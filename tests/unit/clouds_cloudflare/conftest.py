from tests.support.cloudflare_fixtures import cloud

__all__ = ["cloud"]
