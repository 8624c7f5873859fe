"""The systems that homeport can be: each is data over shared components, and nothing else."""
