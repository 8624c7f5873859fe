"""What a place without Pulumi's download site and image registries needs: engine, plugins and images."""
