//go:build tools

// Package engine pins the Pulumi engine that `python -m toolchain.engine ensure` builds.
// The import keeps `go mod tidy` from dropping the requirement; nothing here is compiled.
package engine

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
