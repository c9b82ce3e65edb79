// Program stands in for a program of this repository: it says that it is
// ready, and behaves badly on demand.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/dpaflow/dpaflow/internal/serve"
)

func main() {
	deaf := flag.Bool("deaf", false, "ignore SIGTERM")
	busy := flag.String("busy", "", "a file: if it is missing, make it and say that the port is taken")
	fail := flag.Bool("fail", false, "end at once")
	flag.Parse()

	fmt.Println("settings:", os.Getenv("DPA_TASK_QUEUE"), os.Getenv("DPA_SCOPE"))
	if *fail {
		fmt.Fprintln(os.Stderr, "no reason to live")
		os.Exit(3)
	}
	if *busy != "" {
		if _, err := os.Stat(*busy); err != nil {
			os.WriteFile(*busy, nil, 0o600)
			fmt.Fprintln(os.Stderr, "listen: address already in use")
			os.Exit(1)
		}
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	listener, err := net.Listen("tcp", os.Getenv("DPA_ADMIN_ADDR"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go http.Serve(listener, serve.Admin(http.NotFoundHandler()))
	for range term {
		if !*deaf {
			return
		}
	}
}
