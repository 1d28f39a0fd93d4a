// Command client is a front-end for the test of the whole appliance
// (ops/appliance-smoke): it knows only the site's name and speaks to it over TLS, as
// browsers do.
//
//	client journey URL               sign-up to a subscription, each answer checked
//	client load URL [SOURCE…]        honest users at 50 requests a second until its
//	                                 standard input ends; each line read is a moment,
//	                                 and what came after it is counted and printed;
//	                                 load-http1 does without HTTP/2
package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "journey":
		return journey(args[1])
	case len(args) >= 2 && (args[0] == "load" || args[0] == "load-http1"):
		return load(args[1], args[0] == "load-http1", args[2:], bufio.NewScanner(os.Stdin))
	default:
		return fmt.Errorf("what is %q?", args)
	}
}
