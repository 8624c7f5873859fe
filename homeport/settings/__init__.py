"""The only reader of Pulumi's configuration: read once, frozen, refused all at once."""
