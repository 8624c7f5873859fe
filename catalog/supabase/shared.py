"""What Supabase's services share: the network, and volumes that a preset declares for them (``shared_volumes``)."""

from homeport.model.service import Volume

NETWORK = "supabase_default"
"""As upstream's compose file makes it: the project's name, and `default`."""
VOLUMES = {
    # Stored by supabase-storage, and read by supabase-imgproxy.
    "supabase-storage": Volume(path="/var/lib/storage", owner=(1000, 1000), mode=0o755),
    # Written by Studio, and run by supabase-edge-functions.
    "supabase-functions": Volume(path="/home/deno/functions", owner=(1000, 1000), mode=0o755),
}
