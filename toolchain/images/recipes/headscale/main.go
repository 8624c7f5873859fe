// Command headscale is Headscale as it is; only its version, which upstream's build passes in, is set here.
package main

import (
	"github.com/juanfont/headscale/cmd/headscale/cli"
	"github.com/juanfont/headscale/hscontrol/types"
)

func main() {
	types.Version = "v0.26.1"

	cli.Execute()
}
