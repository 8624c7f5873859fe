from tests.support.cloudflare_fixtures import cloud, stack

__all__ = ["cloud", "stack"]
