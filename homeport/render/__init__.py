"""Pure text out of the model: no Pulumi, no input or output."""
