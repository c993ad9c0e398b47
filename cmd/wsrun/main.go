// Command wsrun measures how much reusable context each memory tier of an LLM
// inference server holds, and what it costs to fall to the next one. See README.md.
package main

import "os"

func main() {
	os.Exit(newApp(os.Stdin, os.Stdout, os.Stderr, os.LookupEnv).execute(os.Args[1:]))
}
