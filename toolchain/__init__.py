"""What a place without Pulumi's download site and image registries needs: the engine, stand-ins of the plugins, substitutes of images."""
