"""OVH's API for DNS zones, emulated, with the name servers that answer from them."""
