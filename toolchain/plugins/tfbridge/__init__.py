"""Pulumi's bridge over Terraform providers, emulated for the stand-ins that stand in for a bridged plugin.

Written after what the recordings of the official plugins show, and after pulumi/pulumi-terraform-bridge
(`pkg/tfbridge`) and Terraform's plugin SDK v2 (`helper/schema`).
"""
