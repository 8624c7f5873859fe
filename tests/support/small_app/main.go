// The small app of the tests of deployments: it says what the file /version says. "broken" in it answers 500 for ever,
// "crash" ends at once. With the argument "health" it asks itself, for an image without any other program.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) > 1 {
		answer, err := http.Get("http://127.0.0.1:8080/health")
		if err != nil || answer.StatusCode != 200 {
			os.Exit(1)
		}
		return
	}
	content, _ := os.ReadFile("/version")
	version := strings.TrimSpace(string(content))
	fmt.Println("app", version)
	if strings.Contains(version, "crash") {
		fmt.Println("cannot read its settings")
		os.Exit(1)
	}
	server := &http.Server{Addr: ":8080", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if strings.Contains(version, "broken") {
			w.WriteHeader(500)
		}
		fmt.Fprint(w, version)
	})}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	done := make(chan bool)
	go func() { <-stop; server.Shutdown(context.Background()); close(done) }()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Println(err)
		os.Exit(1)
	}
	<-done
}
