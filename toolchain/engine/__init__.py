"""The real Pulumi engine, where only package registries can be reached.

Used where Pulumi's own CLI is neither on PATH nor downloadable: `python -m toolchain.engine` builds the engine from Go
modules, runs the program by a language host of ours, and installs the stand-in plugins of `toolchain.plugins`.
Why and how: docs/adr/0002-engine-from-registries.md.
"""
