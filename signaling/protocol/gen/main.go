// Command gen writes web/src/protocol.gen.ts: the wire messages as TypeScript,
// read from the Go source so that comments and the values of enumerations come
// along. It is run by go generate in signaling/protocol; a test beside it
// fails when the file in the tree is not what it would write.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	from := flag.String("from", ".", "folder of the package protocol")
	to := flag.String("o", "", "file to write; empty for standard output")
	flag.Parse()
	if err := run(*from, *to); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	text, err := TypeScript(from)
	if err != nil {
		return err
	}
	if to == "" {
		_, err = os.Stdout.Write(text)
		return err
	}
	return os.WriteFile(to, text, 0o644) //nolint:gosec // a source file, read by everybody
}
