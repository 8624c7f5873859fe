//go:build tools

// Package compose pins the docker compose that `make bench` builds.
// The import keeps `go mod tidy` from dropping the requirement; nothing here is compiled.
package compose

import _ "github.com/docker/compose/v2/cmd"
