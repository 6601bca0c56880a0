package web

import (
	"embed"
	"io/fs"
)

// The folder static/dist holds nothing but a mark until the assets are built;
// "all:" lets the mark count, so that the binary compiles without them.
//
//go:embed all:static/dist all:templates locales
var embeddedFiles embed.FS

func embedded() fs.FS { return embeddedFiles }
