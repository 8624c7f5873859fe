"""An emulated GitHub: a repository that is pushed to, its workflows' jobs, and the runners that take them."""
