"""homeport: a private platform on your own servers, as one Pulumi program."""
