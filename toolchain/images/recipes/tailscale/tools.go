//go:build tools

// Package tailscale pins the Tailscale that the recipe builds.
// The imports keep `go mod tidy` from dropping the requirement; nothing here is compiled.
package tailscale

import (
	_ "tailscale.com/cmd/tailscale"
	_ "tailscale.com/cmd/tailscaled"
)
