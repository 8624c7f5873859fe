"""The user of the host whose folder the system's configuration is in, and that folder."""

from homeport.model.host_program import HostFolder, HostUser

OWNER = HostUser(
    name="{user}",
    home="/home/{user}",
    groups={"docker": "saving n8n's workflows is a docker exec, and deployments build images"},
)
CHECKOUT = HostFolder(path="{checkout}", owner="{user}:{user}", mode=0o755, data=True)
